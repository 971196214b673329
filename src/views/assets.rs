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
    /// What it holds.
    pub bytes: Cow<'static, [u8]>,
    /// What its address ends on.
    pub version: String,
}

impl Asset {
    fn new(bytes: Cow<'static, [u8]>) -> Asset {
        let version = HEXLOWER.encode(&Sha256::digest(&bytes)[..6]);
        Asset { bytes, version }
    }
}

static ASSETS: LazyLock<BTreeMap<String, Asset>> = LazyLock::new(|| {
    let (name, text) = CLIENT;
    let client = Asset::new(text.as_bytes().into());
    // The script that imports it changes with it.
    let import = format!("\"./{name}\"");
    let versioned = format!("\"./{name}?v={}\"", client.version);
    let files = Files::iter().filter_map(|file| {
        let bytes = Files::get(&file)?.data;
        let bytes = match std::str::from_utf8(&bytes) {
            Ok(text) if text.contains(&import) => {
                text.replace(&import, &versioned).into_bytes().into()
            }
            _ => bytes,
        };
        Some((file.into_owned(), Asset::new(bytes)))
    });
    files.chain([(name.to_owned(), client)]).collect()
});

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
        for name in ["feed.js", "client.js", "style.css", "icon.svg"] {
            let address = asset(name);
            let version = address.strip_prefix(&format!("/static/{name}?v="));
            assert!(version.is_some_and(|version| version.len() == 12), "{address}");
        }
        assert_eq!(asset("nothing.js"), "/static/nothing.js");
    }

    #[test]
    fn a_script_imports_another_by_its_version() {
        let text = str::from_utf8(&get("feed.js").expect("the script").bytes).expect("text");
        let client = asset("client.js").replace("/static/", "./");
        assert!(text.contains(&format!("from \"{client}\"")), "{client}");
    }
}
