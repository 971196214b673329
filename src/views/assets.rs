//! The static files, carried inside the binary, and their addresses. Owns the version that makes
//! an address change with its file, so that a browser may keep what it has for ever; serving them
//! is the controllers'.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use data_encoding::HEXLOWER;
use rust_embed::RustEmbed;

/// The files of `static/`.
#[derive(RustEmbed)]
#[folder = "static/"]
pub struct Assets;

static VERSIONS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    Assets::iter()
        .filter_map(|name| {
            let file = Assets::get(&name)?;
            let version = HEXLOWER.encode(&file.metadata.sha256_hash()[..6]);
            Some((name.into_owned(), version))
        })
        .collect()
});

/// The address of a static file: `/static/NAME?v=VERSION`, without the version when there is no
/// such file.
pub fn asset(name: &str) -> String {
    match version(name) {
        Some(version) => format!("/static/{name}?v={version}"),
        None => format!("/static/{name}"),
    }
}

/// The version of a static file as it was when the program first asked for one.
pub fn version(name: &str) -> Option<&'static str> {
    VERSIONS.get(name).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_the_version_of_a_file_that_exists() {
        for name in ["feed.js", "reading.js", "style.css", "icon.svg"] {
            let address = asset(name);
            let version = address.strip_prefix(&format!("/static/{name}?v="));
            assert!(version.is_some_and(|version| version.len() == 12), "{address}");
        }
        assert_eq!(asset("nothing.js"), "/static/nothing.js");
    }
}
