//! The static files, embedded in the binary, and their addresses. A file's address has its version,
//! which changes with its content, so that browsers may cache it forever. Leaves serving to the
//! controllers, and joining, minifying and the versions to `build.rs`.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::LazyLock;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// The names, versions and contents of the files, prepared by `build.rs`.
const FILES: &[(&str, &str, &[u8])] = &include!(concat!(env!("OUT_DIR"), "/static.rs"));

/// A static file.
pub struct Asset {
    /// The content.
    pub bytes: Bytes,
    /// The content in gzip, at the best level. Responses compressed on the fly use the fastest
    /// level, whose output is a sixth larger.
    pub gzip: Bytes,
    /// The version in its address.
    pub version: &'static str,
}

impl Asset {
    fn new(version: &'static str, bytes: &'static [u8]) -> Asset {
        let bytes = Bytes::from_static(bytes);
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

static ASSETS: LazyLock<BTreeMap<&str, Asset>> = LazyLock::new(|| {
    FILES.iter().map(|(name, version, bytes)| (*name, Asset::new(version, bytes))).collect()
});

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
    fn scripts_import_the_client_by_its_versioned_address() {
        let name = asset("client.js").replace("/static/", "./");
        for importing in ["feed.js", "start.js"] {
            let text = str::from_utf8(&get(importing).expect("it").bytes).expect("text");
            assert!(text.contains(&format!("from\"{name}\"")), "{importing}: {text}");
            assert!(!text.contains("new WebSocket("), "{importing}: {text}");
        }
    }

    #[test]
    fn scripts_and_style_sheets_are_minified() {
        for (name, _, bytes) in FILES.iter().filter(|(name, ..)| !name.ends_with(".svg")) {
            let text = str::from_utf8(bytes).expect(name);
            let lines = text.lines().count();
            assert!(lines < text.len() / 100, "{name}: {lines} lines, {} bytes", text.len());
            assert!(!text.contains("/*"), "{name}: {text}");
        }
    }

    #[test]
    fn all_files_of_readers_and_writers_have_60_kilobytes() {
        let bytes = |is_counted: fn(&str) -> bool| {
            let counted = FILES.iter().filter(|(name, ..)| is_counted(name));
            counted.map(|(.., bytes)| bytes.len()).sum::<usize>()
        };
        let of_admins = bytes(|name| name.starts_with("overview."));
        let of_all = bytes(|name| !name.starts_with("overview."));
        assert!(of_all <= 60_000 && of_admins <= 7_000, "{of_all} and {of_admins} bytes");
    }

    #[test]
    fn the_client_exports_what_other_sites_import() {
        let text = str::from_utf8(&get("client.js").expect("it").bytes).expect("text");
        for export in ["export const backoff=", "export function follow("] {
            assert!(text.contains(export), "{text}");
        }
    }

    #[test]
    fn the_operators_of_style_sheets_keep_their_spaces() {
        let text = str::from_utf8(&get("style.css").expect("it").bytes).expect("text");
        assert!(
            text.contains("(1rem,.7rem + 1.4vw,") && text.contains("{color-scheme:light dark;")
        );
    }
}
