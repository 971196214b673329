//! Translates the marks with an exact meaning in Markdown: code, pictures, links to pages, and text
//! in which marks are not read.

use super::scan::{Language, Mark, Scanner};
use crate::import::site::Site;

/// Writes the meaning of a mark to `out`; returns false if it has no exact meaning.
pub(super) fn mark(
    mark: &Mark<'_>,
    scanner: &mut Scanner<'_>,
    site: &Site,
    out: &mut String,
) -> bool {
    match mark.language {
        Language::Hugo | Language::Zola if mark.inside.starts_with("/*") => {
            // The mark is shown, not read
            // (<https://gohugo.io/content-management/shortcodes/#nesting>,
            // <https://www.getzola.org/documentation/content/shortcodes/#built-in-shortcodes>).
            let (start, end) = (mark.text.find("/*"), mark.text.rfind("*/"));
            let (Some(start), Some(end)) = (start, end) else { return false };
            let parts =
                [mark.text.get(..start), mark.text.get(start + 2..end), mark.text.get(end + 2..)];
            parts.into_iter().flatten().for_each(|part| out.push_str(part));
            true
        }
        Language::Hugo => hugo(mark, scanner, out),
        Language::Liquid => liquid(mark, scanner, site, out),
        Language::Zola => false,
    }
}

fn hugo(mark: &Mark<'_>, scanner: &mut Scanner<'_>, out: &mut String) -> bool {
    let arguments = words(mark.arguments());
    let first = arguments.first().map(|(_, value)| value.as_str());
    match mark.name() {
        "highlight" => code(first, scanner.until("/highlight"), out),
        "ref" | "relref" if arguments.len() == 1 => destination(first, out),
        "figure" => {
            let value = |name: &str| {
                let found = arguments.iter().find(|(key, _)| key.as_deref() == Some(name));
                found.map_or("", |(_, value)| value)
            };
            let only = arguments.iter().all(|(key, _)| {
                matches!(key.as_deref(), Some("src" | "alt" | "title" | "caption"))
            });
            let src = value("src");
            if !only || src.is_empty() || src.contains(['<', '>', '\n']) {
                return false;
            }
            let caption =
                if value("caption").is_empty() { value("title") } else { value("caption") };
            let alt = if value("alt").is_empty() { caption } else { value("alt") };
            out.push_str(&format!("![{}](<{src}>", escaped(alt, &['[', ']', '\\'])));
            if !caption.is_empty() {
                out.push_str(&format!(" \"{}\"", escaped(caption, &['"', '\\'])));
            }
            out.push(')');
            true
        }
        _ => false,
    }
}

fn liquid(mark: &Mark<'_>, scanner: &mut Scanner<'_>, site: &Site, out: &mut String) -> bool {
    let arguments = mark.arguments();
    match (mark.is_value, mark.name()) {
        (false, "raw") => match scanner.until("endraw") {
            Some(text) => {
                out.push_str(text);
                true
            }
            None => false,
        },
        (false, "highlight") => {
            code(arguments.split_whitespace().next(), scanner.until("endhighlight"), out)
        }
        // Paths of files (<https://jekyllrb.com/docs/liquid/tags/#links>).
        (false, "post_url") if is_path(arguments) => {
            let (folder, name) = arguments.rsplit_once('/').unwrap_or(("", arguments));
            let folder = if folder.is_empty() { String::new() } else { format!("/{folder}") };
            out.push_str(&format!("{folder}/_posts/{name}.md"));
            true
        }
        (false, "link") if is_path(arguments) => {
            out.push_str(&format!("/{}", arguments.trim_start_matches('/')));
            true
        }
        // These begin a path, and the site's path is added to it anyway.
        (true, "site.baseurl" | "site.url") if arguments.is_empty() => {
            if mark.name() == "site.baseurl" {
                out.push_str(&site.config.base);
            }
            true
        }
        (true, _) => {
            let Some((text, filter)) = mark.inside.split_once('|') else { return false };
            let text = text.trim();
            let quoted =
                [text.strip_prefix('"'), text.strip_prefix('\'')].into_iter().flatten().next();
            let Some(path) = quoted.and_then(|text| text.strip_suffix(['"', '\''])) else {
                return false;
            };
            let is_url = matches!(filter.trim(), "relative_url" | "absolute_url");
            if !is_url || !is_path(path) {
                return false;
            }
            out.push_str(&format!("{}/{}", site.config.base, path.trim_start_matches('/')));
            true
        }
        _ => false,
    }
}

fn is_path(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "{}|\"'()<>".contains(c))
}

fn destination(path: Option<&str>, out: &mut String) -> bool {
    match path.filter(|path| is_path(path)) {
        Some(path) => {
            out.push_str(path);
            true
        }
        None => false,
    }
}

/// Writes fenced code, with a line break before and after it.
fn code(language: Option<&str>, text: Option<&str>, out: &mut String) -> bool {
    let Some(text) = text else { return false };
    let text = text.trim_matches(['\n', '\r']);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(3.max(longest + 1));
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    let language = language.unwrap_or_default().trim_matches(['"', '\'', ',']);
    let language: String = language.chars().filter(|c| !"`{}".contains(*c)).take(40).collect();
    out.push_str(&format!("{fence}{language}\n{text}\n{fence}\n"));
    true
}

fn escaped(text: &str, signs: &[char]) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if signs.contains(&c) {
            out.push('\\');
        }
        out.push(if c.is_control() { ' ' } else { c });
    }
    out
}

/// The arguments of a shortcode, each with its name if it has one.
fn words(text: &str) -> Vec<(Option<String>, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() && found.len() < 32 {
        let end = rest.find(|c: char| c.is_whitespace() || "=\"'`".contains(c));
        let (name, after) = match end.map(|end| rest.split_at(end)) {
            Some((name, after)) if after.starts_with('=') => {
                (Some(name.to_owned()), after.get(1..).unwrap_or_default())
            }
            _ => (None, rest),
        };
        let quote = after.chars().next().filter(|c| "\"`".contains(*c));
        let (value, behind) = match quote {
            Some(quote) => {
                let inside = after.get(1..).unwrap_or_default();
                inside.split_once(quote).unwrap_or((inside, ""))
            }
            None => after.split_once(char::is_whitespace).unwrap_or((after, "")),
        };
        found.push((name, value.to_owned()));
        rest = behind.trim_start();
    }
    found
}
