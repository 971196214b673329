//! The site that an export comes from: which links lead into it, and where its media are now.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;
use url::Url;

use super::archive::Archive;
use crate::import::file;
use crate::import::intake::Source;
use crate::import::links::{self, Inner, Link, Target};
use crate::import::media;
use crate::import::report::Note;

/// Maximum number of findings about the links of one text.
const NOTES: usize = 50;

/// The folders from which programs serve media.
const FOLDERS: [&str; 4] =
    ["/wp-content/uploads/", "/content/images/", "/content/media/", "/content/files/"];

/// Paths of WordPress itself, which have no counterpart here.
const INSIDE: [&str; 5] = ["/wp-admin", "/wp-content", "/wp-includes", "/wp-json", "/wp-login.php"];

/// Where the site's files are looked up: first in the export, then in a folder.
pub(in crate::import) struct Media {
    pub(in crate::import) archive: Option<Archive>,
    /// A path without symbolic links.
    pub(in crate::import) folder: Option<PathBuf>,
}

/// The old site.
pub(in crate::import) struct Site {
    /// Its hosts, in lower case and without `www.`.
    pub(in crate::import) hosts: BTreeSet<String>,
    /// Hosts that serve only its media.
    pub(in crate::import) media_hosts: BTreeSet<String>,
    /// The addresses of pages by their ids.
    pub(in crate::import) numbers: HashMap<u64, String>,
    pub(in crate::import) media: Media,
}

/// The host of an address, normalised for comparison.
pub(in crate::import) fn host(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    Some(bare(url.host_str()?))
}

fn bare(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    host.strip_prefix("www.").map_or(host.clone(), str::to_owned)
}

/// An address on the old site.
struct Address {
    /// Decoded.
    path: String,
    query: String,
    /// The fragment, with its `#`.
    fragment: String,
    /// Whether the host serves only media.
    is_media: bool,
}

impl Site {
    /// The links of a text that lead into the site. Notes the media that are missing.
    pub(in crate::import) fn links(&self, body: &str, notes: &mut Vec<Note>) -> Vec<Inner> {
        let mut missing: BTreeSet<String> = BTreeSet::new();
        let found = links::found(body, |link| self.resolve(link, &mut missing));
        let what = match self.media.is_none() {
            true => "missing media; give their folder with --media",
            false => "missing media",
        };
        notes.extend(missing.into_iter().take(NOTES).map(|address| Note::lost(what, address)));
        found
    }

    fn resolve(
        &self,
        link: &Link,
        missing: &mut BTreeSet<String>,
    ) -> Option<(Target, String, Option<String>)> {
        let Address { path, query, fragment, is_media } = self.address(&link.destination)?;
        if is_media || FOLDERS.iter().any(|folder| path.contains(folder)) {
            return match self.media.find(&path) {
                Some(key) => Some((Target::File(key), fragment, Some(path))),
                None => {
                    missing.insert(link.destination.chars().take(300).collect());
                    None
                }
            };
        }
        if INSIDE.iter().any(|inside| path.contains(inside)) {
            return None;
        }
        if let Some(number) = number(&query) {
            let path = self.numbers.get(&number)?;
            return Some((Target::Address(path.clone()), fragment, None));
        }
        Some((Target::Address(path), fragment, None))
    }

    fn address(&self, destination: &str) -> Option<Address> {
        let is_whole = ["http://", "https://", "//"].iter().any(|it| destination.starts_with(it));
        if destination.len() > 2048 || (!is_whole && !destination.starts_with('/')) {
            return None;
        }
        let base = Url::parse("https://site/").ok()?;
        let mut url = base.join(destination).ok()?;
        let mut host = bare(url.host_str()?);
        // WordPress.com resizes pictures on a separate host.
        if let Some(inner) =
            is_resizer(&host).then(|| url.path().trim_start_matches('/').to_owned())
        {
            url = Url::parse(&format!("https://{inner}")).ok()?;
            host = bare(url.host_str()?);
        }
        let is_own = !is_whole || self.hosts.contains(&host);
        let is_media = !is_own && self.media_hosts.contains(&host);
        if !is_own && !is_media {
            return None;
        }
        let path = percent_decode_str(url.path()).decode_utf8().ok()?.into_owned();
        if path.contains(|c: char| c.is_control() || c == '\\') {
            return None;
        }
        let fragment = url.fragment().map_or_else(String::new, |it| format!("#{it}"));
        Some(Address {
            path,
            query: url.query().unwrap_or_default().to_owned(),
            fragment,
            is_media,
        })
    }
}

fn is_resizer(host: &str) -> bool {
    host.strip_suffix(".wp.com").is_some_and(|sub| {
        sub.strip_prefix('i').is_some_and(|n| n.len() == 1 && n.bytes().all(|b| b.is_ascii_digit()))
    })
}

/// The id of the page that a query asks for.
fn number(query: &str) -> Option<u64> {
    query.split('&').find_map(|part| {
        let (key, value) = part.split_once('=')?;
        matches!(key, "p" | "page_id" | "attachment_id").then(|| value.parse().ok())?
    })
}

impl Source for Site {
    fn page(&mut self, _path: &str) -> Option<String> {
        None
    }

    fn file(&mut self, key: &str) -> Result<Vec<u8>, Note> {
        let gone = || Note::lost("missing media", "");
        match (key.split_once(':'), &mut self.media.archive, &self.media.folder) {
            (Some(("zip", name)), Some(archive), _) => archive.bytes(name, media::MAX),
            (Some(("media", name)), _, Some(folder)) => {
                Ok(file::bytes(&folder.join(name), media::MAX)?.ok_or_else(gone)?.bytes)
            }
            _ => Err(gone()),
        }
    }
}

impl Media {
    fn is_none(&self) -> bool {
        self.archive.is_none() && self.folder.is_none()
    }

    /// The current location of the file at this path of the site.
    fn find(&self, path: &str) -> Option<String> {
        candidates(path).into_iter().find_map(|name| {
            let in_zip = self.archive.as_ref().is_some_and(|archive| archive.has(&name));
            let is_there = |folder: &PathBuf| file::is_below(folder, &name);
            match in_zip {
                true => Some(format!("zip:{name}")),
                false => {
                    self.folder.as_ref().is_some_and(is_there).then(|| format!("media:{name}"))
                }
            }
        })
    }
}

/// The names that a file may have: its path, or the part of it below the program's folder. For a
/// picture that the program resized, also the names of the original.
fn candidates(path: &str) -> Vec<String> {
    let mut found = Vec::new();
    for path in [Some(path.to_owned()), unsized_ghost(path), unsized_wordpress(path)] {
        let Some(path) = path else { continue };
        let is_plain = Path::new(&path).components().all(|part| {
            matches!(part, std::path::Component::Normal(_) | std::path::Component::RootDir)
        });
        if !is_plain || path.contains("/../") || path.contains("//") {
            continue;
        }
        found.push(path.trim_start_matches('/').to_owned());
        for folder in FOLDERS {
            if let Some((_, below)) = path.split_once(folder) {
                found.push(format!("{}{below}", folder.trim_start_matches('/')));
                let own = folder.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
                found.push(format!("{own}/{below}"));
                found.push(below.to_owned());
            }
        }
    }
    found.retain(|name| !name.is_empty() && !name.ends_with('/'));
    found
}

/// `/content/images/size/w600/format/webp/2020/01/x.jpg` is `/content/images/2020/01/x.jpg`.
fn unsized_ghost(path: &str) -> Option<String> {
    let (before, rest) = path.split_once("/content/images/size/")?;
    let (_, rest) = rest.split_once('/')?;
    let rest = match rest.strip_prefix("format/") {
        Some(rest) => rest.split_once('/')?.1,
        None => rest,
    };
    Some(format!("{before}/content/images/{rest}"))
}

/// `x-300x200.jpg` is `x.jpg`.
fn unsized_wordpress(path: &str) -> Option<String> {
    let (name, ending) = path.rsplit_once('.')?;
    let (name, size) = name.rsplit_once('-')?;
    let (width, height) = size.split_once('x')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (is_number(width) && is_number(height)).then(|| format!("{name}.{ending}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_under_the_names_that_programs_use() {
        assert_eq!(
            candidates("/blog/wp-content/uploads/2019/05/x-300x200.jpg"),
            [
                "blog/wp-content/uploads/2019/05/x-300x200.jpg",
                "wp-content/uploads/2019/05/x-300x200.jpg",
                "uploads/2019/05/x-300x200.jpg",
                "2019/05/x-300x200.jpg",
                "blog/wp-content/uploads/2019/05/x.jpg",
                "wp-content/uploads/2019/05/x.jpg",
                "uploads/2019/05/x.jpg",
                "2019/05/x.jpg",
            ]
        );
        let sized = candidates("/content/images/size/w600/format/webp/2020/x.jpg");
        assert!(sized.contains(&"content/images/2020/x.jpg".to_owned()), "{sized:?}");
        assert!(candidates("/content/images/../../etc/passwd").is_empty());
        assert!(candidates("/wp-content/uploads/").iter().all(|name| !name.ends_with('/')));
    }

    #[test]
    fn links_into_the_site_are_recognised_by_its_hosts() {
        let site = Site {
            hosts: BTreeSet::from(["example.org".to_owned()]),
            media_hosts: BTreeSet::from(["example.files.wordpress.com".to_owned()]),
            numbers: HashMap::from([(7, "/2019/hello/".to_owned())]),
            media: Media { archive: None, folder: None },
        };
        let mut notes = Vec::new();
        let body = "[a](http://www.example.org/2019/x/#y) [b](https://example.org/?p=7) [c](/about/) \
                    [d](https://other.org/) [e](https://example.org/wp-content/uploads/a.png) \
                    [f](https://i0.wp.com/example.org/wp-content/uploads/b.png?w=10) [g](#x) \
                    [h](https://example.org/wp-admin/) [i](https://example.files.wordpress.com/c.png)";
        let targets: Vec<_> =
            site.links(body, &mut notes).into_iter().map(|it| (it.target, it.suffix)).collect();
        let address = |path: &str, end: &str| (Target::Address(path.to_owned()), end.to_owned());
        let expected =
            [address("/2019/x/", "#y"), address("/2019/hello/", ""), address("/about/", "")];
        assert_eq!(targets, expected);
        assert_eq!(notes.len(), 3, "{notes:?}");
    }
}
