//! How the site is reached: under which names, through which proxies, and so by whom. Pure: from a
//! request's peer and its headers it tells the client's address and the host that was asked for.

mod address;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::Utf8Error;

use actix_web::http::Uri;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use ipnet::IpNet;
use url::Url;

pub use self::address::{Address, local};

/// Under what the site is reached.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Where readers find it; `None` where nobody has said so.
    pub public: Option<PublicUrl>,
    /// The hosts that it answers for, without ports and in lower case; none for loopback alone.
    pub hosts: Vec<String>,
    /// The proxies whose word counts.
    pub trusted: Vec<IpNet>,
    /// Other sites whose pages may read as strangers, as browsers write them in `Origin`.
    pub allowed_origins: Vec<String>,
}

/// Where readers find the site: scheme, host, perhaps a port, and perhaps a path in front of all of
/// its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    /// Whether it is https.
    pub is_https: bool,
    /// Host and port, as in a URL.
    pub authority: String,
    /// The host alone, in lower case and without a dot at its end.
    pub host: String,
    /// The path, which begins with a slash and ends without one; empty for none.
    pub path: String,
}

/// Marks a request of another site's page, which is answered as a stranger's.
#[derive(Clone, Copy, Debug)]
pub struct Stranger;

impl PublicUrl {
    /// The URL of this text: http or https, without a user, a query or a fragment.
    pub fn parse(text: &str) -> Option<PublicUrl> {
        let uri: Uri = text.parse().ok().filter(|_| !text.contains('#'))?;
        let is_https = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = uri.authority()?.as_str().to_ascii_lowercase();
        let host = host_of(&authority)?.trim_end_matches('.').to_owned();
        let path = uri.path().trim_end_matches('/');
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
        let fits = !host.is_empty()
            && uri.query().is_none()
            && path.bytes().all(is_plain)
            && !path.contains("//")
            && !path.split('/').any(|part| part == "." || part == "..");
        let path = path.to_owned();
        let url = PublicUrl { is_https, authority, host, path };
        // A host may still be none: "1.2.3.4.5".
        (fits && Url::parse(&url.origin()).is_ok()).then_some(url)
    }

    /// The site's origin, as browsers write it.
    pub fn origin(&self) -> String {
        let scheme = if self.is_https { "https" } else { "http" };
        format!("{scheme}://{}", self.authority)
    }
}

impl Reach {
    /// The path in front of all of the site's own; empty for none.
    pub fn path(&self) -> &str {
        self.public.as_ref().map_or("", |public| &public.path)
    }

    /// Whether readers come over https.
    pub fn is_https(&self) -> bool {
        self.public.as_ref().is_some_and(|public| public.is_https)
    }

    /// The name of a cookie. Over https it says so, and a browser takes it from nobody else:
    /// neither over http nor, without a path, from another host of the domain.
    pub fn cookie(&self, name: &str) -> String {
        match (self.is_https(), self.path()) {
            (false, _) => name.to_owned(),
            (true, "") => format!("__Host-{name}"),
            (true, _) => format!("__Secure-{name}"),
        }
    }

    /// Whether a peer's word about whom it speaks for counts.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&peer.to_canonical()))
    }

    /// The address that a connection counts under among all connections; `None` for a proxy's, which
    /// has as many as it has clients.
    pub fn counted(&self, peer: IpAddr) -> Option<IpAddr> {
        (!self.trusts(peer)).then(|| as_counted(peer))
    }

    /// The address of the client behind a request, as limits count it: the last one that a trusted
    /// proxy names and that is none itself. What is to the left of it anyone can write.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        if self.trusts(peer) {
            let hops = hops(headers);
            for hop in hops.iter().rev() {
                // A hop that hides its client speaks for itself.
                let Some(address) = address_of(hop) else { break };
                client = address;
                if !self.trusts(address) {
                    break;
                }
            }
        }
        as_counted(client)
    }

    /// The host that a client has asked for, as written: a trusted proxy may have asked us for
    /// another one. `None` when there is none, or more than one.
    pub fn host<'a>(&self, peer: Option<IpAddr>, headers: &'a HeaderMap) -> Option<&'a str> {
        if peer.is_some_and(|peer| self.trusts(peer)) {
            // A chain of proxies: the last one that was added is the trusted one's.
            let told = headers.get_all("x-forwarded-host").last().and_then(|it| list(it).last());
            if let Some(host) = told.and_then(Result::ok) {
                return Some(host);
            }
        }
        let mut hosts = headers.get_all(header::HOST);
        match (hosts.next(), hosts.next()) {
            (Some(host), None) => host.to_str().ok(),
            _ => None,
        }
    }

    /// Whether the site answers for this authority.
    pub fn answers_for(&self, authority: &str) -> bool {
        if self.hosts.is_empty() {
            return is_loopback(authority);
        }
        let name = host_of(authority).map(|host| host.trim_end_matches('.').to_ascii_lowercase());
        name.is_some_and(|name| self.hosts.contains(&name))
    }

    /// Whether this origin is the site itself: by scheme and name, and by port the one that readers
    /// are told or the one that was asked for (`host`). Another port of the host is another
    /// application, which gets the same cookies. `None` where no name is known.
    pub fn is_own(&self, origin: &str, host: &str) -> Option<bool> {
        if self.hosts.is_empty() {
            return None;
        }
        let (scheme, authority) = origin.split_once("://")?;
        let fits = match &self.public {
            Some(public) => scheme == if public.is_https { "https" } else { "http" },
            None => matches!(scheme, "http" | "https"),
        };
        let default = if scheme == "https" { ":443" } else { ":80" };
        let short = |text: &str| text.strip_suffix(default).unwrap_or(text).to_ascii_lowercase();
        let told = self.public.iter().any(|public| short(&public.authority) == short(authority));
        Some(fits && self.answers_for(authority) && (told || short(authority) == short(host)))
    }

    /// Whether this origin's pages may read as strangers.
    pub fn allows(&self, origin: &str) -> bool {
        self.allowed_origins.iter().any(|allowed| allowed == origin)
    }
}

/// Loopback is no exception where accounts decide: it counts under an address that no peer has.
fn as_counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        address if address.is_loopback() => Ipv4Addr::UNSPECIFIED.into(),
        address => address,
    }
}

/// Whom each proxy has got the request from, the nearest last. `X-Forwarded-For` comes before
/// `Forwarded`, which most proxies pass on as a client wrote it.
fn hops(headers: &HeaderMap) -> Vec<&str> {
    let lists = |name: &str| {
        let hops = headers.get_all(name).flat_map(list);
        hops.map(|hop| hop.unwrap_or("")).collect::<Vec<_>>()
    };
    let hops = lists("x-forwarded-for");
    if !hops.is_empty() {
        return hops;
    }
    let elements = lists("forwarded");
    elements.into_iter().map(|element| parameter(element, "for").unwrap_or("")).collect()
}

/// The elements of a list. Proxies add theirs to what a client has sent, which may be no text.
fn list(value: &HeaderValue) -> impl Iterator<Item = Result<&str, Utf8Error>> {
    let elements = value.as_bytes().split(|byte| *byte == b',');
    elements.map(|element| std::str::from_utf8(element.trim_ascii()))
}

/// A parameter of an element of `Forwarded`.
fn parameter<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    element.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

/// The address of a hop, with or without a port.
fn address_of(hop: &str) -> Option<IpAddr> {
    if let Ok(address) = hop.parse() {
        return Some(address);
    }
    let host = match hop.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => hop.rsplit_once(':')?.0,
    };
    host.parse().ok()
}

/// Whether an authority is this machine, for its own browsers.
pub fn is_loopback(authority: &str) -> bool {
    let Some(host) = host_of(authority) else { return false };
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The host of an authority that consists of a host and perhaps a port, as RFC 9110 has it.
pub fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').filter(|(host, _)| host.parse::<Ipv6Addr>().is_ok())?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_port = |port: &str| port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:_".contains(&byte);
    let fits = (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
        && host.bytes().all(is_host);
    fits.then_some(host)
}

#[cfg(test)]
mod tests;
