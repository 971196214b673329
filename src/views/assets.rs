//! The static files, carried inside the binary, and their addresses. Owns the version that makes
//! an address change with its file, so that a browser may keep what it has for ever; serving them
//! is the controllers'.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use data_encoding::HEXLOWER;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

/// The files of `static/`.
#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// The script that other sites take, too.
const CLIENT: (&str, &str) = ("client.js", include_str!("../../client/client.js"));

/// A static file.
pub struct Asset {
    /// The content.
    pub bytes: Cow<'static, [u8]>,
    /// The version in its address.
    pub version: String,
}

impl Asset {
    fn new(bytes: Cow<'static, [u8]>) -> Asset {
        let version = HEXLOWER.encode(&Sha256::digest(&bytes)[..6]);
        Asset { bytes, version }
    }
}

/// The import that the pages' script has of it. That script carries the client, and the one for forms,
/// within it: each file more is a request more.
const IMPORT: &str = "import { backoff, follow } from \"./client.js\";";
const PAGES: &str = "feed.js";
const FORMS: &str = "drafts.js";

static ASSETS: LazyLock<BTreeMap<String, Asset>> = LazyLock::new(|| {
    let (name, client) = CLIENT;
    let files = Files::iter().filter(|file| file != FORMS).filter_map(|file| {
        let bytes = Files::get(&file)?.data;
        let bytes = match std::str::from_utf8(&bytes) {
            Ok(text) if file == PAGES => slim(&whole(text, client)).into_bytes().into(),
            Ok(text) if file.ends_with(".js") || file.ends_with(".css") => {
                slim(text).into_bytes().into()
            }
            _ => bytes,
        };
        Some((file.into_owned(), Asset::new(bytes)))
    });
    files.chain([(name.to_owned(), Asset::new(client.as_bytes().into()))]).collect()
});

/// The pages' script with those that it carries, each in a scope of its own.
fn whole(text: &str, client: &str) -> String {
    let forms = Files::get(FORMS).map(|file| String::from_utf8_lossy(&file.data).into_owned());
    let forms = forms.unwrap_or_default();
    format!("{}\n{{\n{forms}\n}}\n", text.replace(IMPORT, &inlined(client)))
}

/// The client's module as a part of another script.
fn inlined(client: &str) -> String {
    let body = client.replace("\nexport ", "\n");
    format!(
        "const {{ backoff, follow }} = (() => {{\n{body}\nreturn {{ backoff, follow }};\n}})();"
    )
}

/// A script or style sheet without its comments and indentation. Only comments that have their lines
/// to themselves are known.
fn slim(text: &str) -> String {
    let mut slim = String::with_capacity(text.len());
    let mut is_comment = false;
    for line in text.lines().map(str::trim) {
        is_comment |= line.starts_with("/*");
        if is_comment {
            is_comment = !line.ends_with("*/");
        } else if !line.is_empty() && !line.starts_with("//") {
            slim.push_str(line);
            slim.push('\n');
        }
    }
    slim
}

/// A static file, as it was when the program first asked for one.
pub fn get(name: &str) -> Option<&'static Asset> {
    ASSETS.get(name)
}

/// The address of a static file: `/static/NAME?v=VERSION`, without the version when there is no
/// such file.
pub fn asset(name: &str) -> String {
    match get(name) {
        Some(asset) => format!("/static/{name}?v={}", asset.version),
        None => format!("/static/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_the_version_of_a_file_that_exists() {
        for name in ["feed.js", "client.js", "reading.js", "style.css", "icon.svg"] {
            let address = asset(name);
            let version = address.strip_prefix(&format!("/static/{name}?v="));
            assert!(version.is_some_and(|version| version.len() == 12), "{address}");
        }
        assert_eq!(asset("nothing.js"), "/static/nothing.js");
    }

    #[test]
    fn the_pages_script_needs_no_other() {
        let text = str::from_utf8(&get("feed.js").expect("the script").bytes).expect("text");
        assert!(
            !text.contains("import {")
                && text.contains("localStorage")
                && text.contains("new WebSocket("),
            "{text}"
        );
    }

    #[test]
    fn comments_and_indentation_stay_behind() {
        let text = "// one\n/** two\n *  three */\nlet a = 1; // four\n\n  /* five */\n  b();\n";
        assert_eq!(slim(text), "let a = 1; // four\nb();\n");
    }
}
