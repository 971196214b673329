//! Collects what items refer to in other items: names of authors, addresses of attachments and
//! pages, and hosts of the site.

use std::collections::{BTreeSet, HashMap};

use percent_encoding::percent_decode_str;
use url::Url;

use super::is_page;
use super::xml::Part;
use crate::import::dump::site;

/// Maximum bytes kept.
const MOST: usize = 128 * 1024 * 1024;

/// Maximum bytes of an address or a name.
const LONGEST: usize = 2048;

/// Maximum number of hosts.
const HOSTS: usize = 20;

/// The names, addresses and hosts collected so far.
#[derive(Default)]
pub(super) struct Lookup {
    /// The display names of authors by login.
    pub(super) authors: HashMap<String, String>,
    /// The addresses of attachments, and the alternative texts of their pictures, by id.
    pub(super) attachments: HashMap<u64, (String, String)>,
    /// The paths of pages by id.
    pub(super) numbers: HashMap<u64, String>,
    pub(super) hosts: BTreeSet<String>,
    pub(super) media_hosts: BTreeSet<String>,
    bytes: usize,
}

impl Lookup {
    pub(super) fn learn(&mut self, part: Part) -> Result<(), String> {
        match part {
            Part::Author(login, name) => {
                if login.len() <= LONGEST && name.len() <= LONGEST {
                    self.bytes += login.len() + name.len() + 64;
                    self.authors.insert(login.trim().to_owned(), name);
                }
            }
            Part::Base(address) => {
                if self.hosts.len() < HOSTS {
                    self.hosts.extend(site::host(address.trim()));
                }
            }
            Part::Item(item) => {
                let Ok(id) = item.id.parse() else { return Ok(()) };
                if item.kind() == "attachment" && item.attachment.len() <= LONGEST {
                    if self.media_hosts.len() < HOSTS {
                        self.media_hosts.extend(site::host(&item.attachment));
                    }
                    let alt: String = item.alt.chars().take(1000).collect();
                    self.bytes += item.attachment.len() + alt.len() + 64;
                    self.attachments.insert(id, (item.attachment, alt));
                } else if is_page(item.kind())
                    && let Some(path) = path(&item.link).filter(|path| path.len() <= LONGEST)
                {
                    self.bytes += path.len() + 64;
                    self.numbers.insert(id, path);
                }
            }
        }
        match self.bytes > MOST {
            true => Err("it has more attachments and pages than fit into 128 MiB".to_owned()),
            false => Ok(()),
        }
    }
}

/// The decoded path of an address; `None` if it has a query.
pub(super) fn path(link: &str) -> Option<String> {
    let url = Url::parse(link).ok().filter(|url| url.query().is_none())?;
    let path = percent_decode_str(url.path()).decode_utf8().ok()?.into_owned();
    (path != "/").then_some(path)
}
