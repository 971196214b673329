//! Prepares the files of `static/` for the binary: joins the pages' script from its parts, minifies
//! scripts and style sheets, and gives each file a version, which is in its address. Owns what the
//! files contain when they are served; `src/views/assets.rs` has their addresses.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write;
use std::hash::{DefaultHasher, Hasher};
use std::path::PathBuf;
use std::{env, fs};

use oxc_allocator::Allocator;
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_minifier::{Minifier, MinifierOptions};
use oxc_parser::Parser;
use oxc_span::SourceType;

/// The client script, which other sites load too.
const CLIENT: &str = "client/client.js";
/// The name by which scripts import the client. Its version is added, so that browsers load the file
/// that a page preloads, and may cache it forever.
const IMPORTED: &str = "./client.js";

/// The pages' script, which is joined from the files in `static/feed/` to save requests. The files
/// share a scope.
const PAGES: &str = "feed.js";
const PARTS_FOLDER: &str = "feed";
const PARTS: [&str; 9] = [
    "page.js",
    "reading.js",
    "merge.js",
    "still.js",
    "refresh.js",
    "place.js",
    "events.js",
    "connection.js",
    "forms.js",
];

/// Insignificant characters in a style sheet. Spaces around the operators of `calc` are significant.
const SPARE: [(&str, &str); 11] = [
    (" { ", "{"),
    (" {", "{"),
    ("; }", "}"),
    (": ", ":"),
    ("; ", ";"),
    (", ", ","),
    (" > ", ">"),
    ("> ", ">"),
    (" / ", "/"),
    (" * ", "*"),
    (" !", "!"),
];

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    for changed in ["build.rs", "static", CLIENT] {
        println!("cargo::rerun-if-changed={changed}");
    }
    let out = PathBuf::from(env::var("OUT_DIR")?).join("static");
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    fs::create_dir_all(&out)?;
    let client = script(CLIENT, &fs::read_to_string(CLIENT)?)?;
    let versioned = format!("{IMPORTED}?v={}", version(client.as_bytes()));
    let importing = |name: &str, text: &str| script(name, &text.replace(IMPORTED, &versioned));
    let mut files = vec![
        ("client.js".to_owned(), client.clone().into_bytes()),
        (PAGES.to_owned(), importing(PAGES, &pages()?)?.into_bytes()),
    ];
    for name in names_in("static")? {
        if name == PARTS_FOLDER {
            continue;
        }
        let path = format!("static/{name}");
        let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        let served = match name.rsplit_once('.').map(|(_, kind)| kind) {
            Some("js") => importing(&name, &text)?,
            Some("css") => sheet(&name, &text)?,
            Some("svg") => text,
            _ => Err(format!("{path} is neither a script, a style sheet nor a picture"))?,
        };
        files.push((name, served.into_bytes()));
    }
    files.sort();
    let mut list = String::from("[\n");
    for (name, bytes) in files {
        let path = out.join(&name);
        let version = version(&bytes);
        fs::write(&path, bytes)?;
        writeln!(list, "({name:?}, {version:?}, include_bytes!({path:?}).as_slice()),")?;
    }
    list.push(']');
    fs::write(out.with_extension("rs"), list)?;
    Ok(())
}

/// The names in a folder, in their order.
fn names_in(folder: &str) -> Result<BTreeSet<String>, Failure> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().into_string();
        names.insert(name.map_err(|name| format!("{folder}: {name:?} is not UTF-8"))?);
    }
    Ok(names)
}

/// The version of a file, which changes with its content.
fn version(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    format!("{:012x}", hasher.finish() >> 16)
}

/// The pages' script.
fn pages() -> Result<String, Failure> {
    let mut parts = String::new();
    for part in PARTS {
        parts.push_str(&fs::read_to_string(format!("static/{PARTS_FOLDER}/{part}"))?);
    }
    let names = names_in(&format!("static/{PARTS_FOLDER}"))?;
    if let Some(other) = names.iter().find(|name| !PARTS.contains(&name.as_str())) {
        return Err(format!("{other} is not among the parts of the pages' script").into());
    }
    Ok(parts)
}

/// A minified script.
fn script(name: &str, text: &str) -> Result<String, Failure> {
    let allocator = Allocator::default();
    let mut parsed = Parser::new(&allocator, text, SourceType::mjs()).parse();
    if let Some(problem) = parsed.diagnostics.first() {
        return Err(format!("{name}: {problem}").into());
    }
    let minified =
        Minifier::new(MinifierOptions::default()).minify(&allocator, &mut parsed.program);
    let printer = Codegen::new().with_options(CodegenOptions::minify());
    Ok(printer.with_scoping(minified.scoping).build(&parsed.program).code)
}

/// A style sheet without comments, indentation, the spaces of declarations and selectors, and the
/// zeros before decimal points. Comments must be on lines of their own.
fn sheet(name: &str, text: &str) -> Result<String, Failure> {
    let mut minified = String::with_capacity(text.len());
    let mut is_comment = false;
    for line in text.lines().map(str::trim) {
        is_comment |= line.starts_with("/*");
        if is_comment {
            is_comment = !line.ends_with("*/");
            if is_comment && line.contains("*/") {
                return Err(format!("{name}: code follows a comment: {line}").into());
            }
            continue;
        }
        if line.split('"').skip(1).step_by(2).any(|string| short(string) != string) {
            return Err(format!("{name}: a string would change: {line}").into());
        }
        if line == "}" && minified.ends_with(';') {
            minified.pop();
        }
        minified.push_str(&short(line));
        if !line.is_empty() && !line.ends_with([',', ';', '{', '}']) {
            minified.push('\n');
        }
    }
    if is_comment {
        return Err(format!("{name} ends within a comment").into());
    }
    Ok(minified)
}

/// A line of a style sheet without what is insignificant in it.
fn short(line: &str) -> String {
    let line = SPARE.iter().fold(line.to_owned(), |line, (long, short)| line.replace(long, short));
    let mut depth = 0_usize;
    let mut shortened = String::with_capacity(line.len());
    let mut rest = line.as_str();
    while let Some(next) = rest.chars().next() {
        depth = match next {
            '(' => depth + 1,
            ')' => depth.saturating_sub(1),
            _ => depth,
        };
        if depth == 0 && rest.starts_with(" + ") {
            // A combinator: the operators of `calc` are in parentheses.
            shortened.push('+');
            rest = &rest[3..];
            continue;
        }
        let is_zero = rest.starts_with("0.") && !shortened.ends_with(|c: char| c.is_ascii_digit());
        if !is_zero {
            shortened.push(next);
        }
        rest = &rest[next.len_utf8()..];
    }
    shortened
}
