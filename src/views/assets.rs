//! The static files, embedded in the binary, and their addresses. Owns the version that changes a
//! file's address with its content, so that browsers may cache it forever; leaves serving to the
//! controllers.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::LazyLock;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

/// The files of `static/`.
#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// The client script, which other sites load too.
const CLIENT: (&str, &str) = ("client.js", include_str!("../../client/client.js"));

/// A static file.
pub struct Asset {
    /// The content.
    pub bytes: Bytes,
    /// The content in gzip, at the best level. Responses compressed on the fly use the fastest
    /// level, whose output is a sixth larger.
    pub gzip: Bytes,
    /// The version in its address.
    pub version: String,
}

impl Asset {
    fn new(bytes: impl Into<Bytes>) -> Asset {
        let bytes = bytes.into();
        let version = HEXLOWER.encode(&Sha256::digest(&bytes)[..6]);
        let gzip = compressed(&bytes).unwrap_or_default().into();
        Asset { bytes, gzip, version }
    }
}

/// Writing to memory does not fail.
fn compressed(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// The pages' script, concatenated from the files in `static/feed/` to save requests. The files
/// share a scope.
const PAGES: &str = "feed.js";
const PARTS: [&str; 9] = [
    "feed/page.js",
    "feed/reading.js",
    "feed/merge.js",
    "feed/still.js",
    "feed/refresh.js",
    "feed/place.js",
    "feed/events.js",
    "feed/connection.js",
    "feed/forms.js",
];
/// The import of the client, which is replaced by the client itself.
const IMPORT: &str = "import { backoff, follow } from \"./client.js\";";

static ASSETS: LazyLock<BTreeMap<String, Asset>> = LazyLock::new(|| {
    let (name, client) = CLIENT;
    let files = Files::iter().filter(|file| !file.contains('/')).filter_map(|file| {
        let bytes = Files::get(&file)?.data;
        let asset = match std::str::from_utf8(&bytes) {
            Ok(text) if file.ends_with(".js") || file.ends_with(".css") => {
                Asset::new(slim(&file, text))
            }
            _ => Asset::new(bytes.into_owned()),
        };
        Some((file.into_owned(), asset))
    });
    let pages = Asset::new(slim(PAGES, &pages(client)));
    let client = Asset::new(client);
    files.chain([(PAGES.to_owned(), pages), (name.to_owned(), client)]).collect()
});

/// The pages' script, with the client inlined.
fn pages(client: &str) -> String {
    let parts: String = PARTS.iter().map(|part| part_of(part)).collect();
    parts.replace(IMPORT, &inlined(client))
}

/// One of the files of the pages' script. A test checks that each exists.
fn part_of(file: &str) -> String {
    let text = Files::get(file).map(|file| String::from_utf8_lossy(&file.data).into_owned());
    text.unwrap_or_default()
}

/// The client's module as an expression within another script.
fn inlined(client: &str) -> String {
    let body = client.replace("\nexport ", "\n");
    format!(
        "const {{ backoff, follow }} = (() => {{\n{body}\nreturn {{ backoff, follow }};\n}})();"
    )
}

/// A script or style sheet without its comments and indentation, and without the spaces of CSS
/// declarations. Only comments on lines of their own are removed.
fn slim(name: &str, text: &str) -> String {
    let mut slim = String::with_capacity(text.len());
    let mut is_comment = false;
    for line in text.lines().map(str::trim) {
        is_comment |= line.starts_with("/*");
        if is_comment {
            is_comment = !line.ends_with("*/");
        } else if !line.is_empty() && !line.starts_with("//") {
            if !name.ends_with(".css") {
                slim.push_str(line);
                slim.push('\n');
                continue;
            }
            slim.push_str(
                &DECLARED
                    .iter()
                    .fold(line.to_owned(), |line, (wide, narrow)| line.replace(wide, narrow)),
            );
            if !line.ends_with([',', ';', '{', '}']) {
                slim.push('\n');
            }
        }
    }
    slim
}

/// Insignificant spaces in a style sheet. Spaces around the operators of `calc` are significant.
const DECLARED: [(&str, &str); 6] =
    [(" { ", "{"), (" {", "{"), ("; }", "}"), (": ", ":"), ("; ", ";"), (", ", ",")];

/// A static file. All files are loaded at the first call.
pub fn get(name: &str) -> Option<&'static Asset> {
    ASSETS.get(name)
}

/// The address of a static file: `/static/NAME?v=VERSION`, without the version if there is no such
/// file.
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
        for name in [
            "feed.js",
            "start.js",
            "presence.js",
            "notes.js",
            "search.js",
            "client.js",
            "drafts.js",
            "overview.js",
            "overview.css",
            "work.css",
            "style.css",
            "icon.svg",
        ] {
            let address = asset(name);
            let version = address.strip_prefix(&format!("/static/{name}?v="));
            assert!(version.is_some_and(|version| version.len() == 12), "{address}");
        }
        assert_eq!(asset("nothing.js"), "/static/nothing.js");
    }

    #[test]
    fn the_pages_script_imports_no_other() {
        let text = str::from_utf8(&get("feed.js").expect("the script").bytes).expect("text");
        assert!(!text.contains("import {") && text.contains("new WebSocket("), "{text}");
    }

    #[test]
    fn every_file_of_a_folder_is_a_part_of_a_script() {
        for part in PARTS {
            assert!(!part_of(part).is_empty(), "{part}");
        }
        for file in Files::iter().filter(|file| file.contains('/')) {
            assert!(PARTS.contains(&file.as_ref()), "{file}");
        }
    }

    #[test]
    fn comments_and_indentation_are_removed() {
        let text = "// one\n/** two\n *  three */\nlet a = 1; // four\n\n  /* five */\n  b();\n";
        assert_eq!(slim("x.js", text), "let a = 1; // four\nb();\n");
        let sheet = "/* one */\na { inline-size: calc(1rem + 2vw); margin: 0 1px; }\n";
        assert_eq!(slim("x.css", sheet), "a{inline-size:calc(1rem + 2vw);margin:0 1px}");
        let sheet = "a,\nb {\n  font: 1rem \"A B\",\n    serif;\n}\nc\nd { top: 0; }\n";
        assert_eq!(slim("x.css", sheet), "a,b{font:1rem \"A B\",serif;}c\nd{top:0}");
    }

    #[test]
    fn no_spaces_in_strings_of_style_sheets_are_removed() {
        for file in Files::iter().filter(|file| file.ends_with(".css")) {
            let text = String::from_utf8_lossy(&Files::get(&file).expect("it").data).into_owned();
            for line in text.lines() {
                for string in line.split('"').skip(1).step_by(2) {
                    let is_changed = DECLARED.iter().any(|(wide, _)| string.contains(wide));
                    assert!(!is_changed, "{file}: {string}");
                }
            }
        }
    }
}
