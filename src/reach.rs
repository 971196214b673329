//! How clients reach the site: its host names and its proxies. This module is pure: it derives the
//! client's address and the requested host from a request's peer and headers.

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

/// The names, proxies and foreign origins of the site.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// The URL at which readers reach the site; `None` if it is not configured.
    pub public: Option<PublicUrl>,
    /// The host names of the site, without ports and in lower case; empty for loopback only.
    pub hosts: Vec<String>,
    /// The proxies whose forwarding headers are trusted.
    pub trusted: Vec<IpNet>,
    /// Origins whose pages may read anonymously, as browsers write them in `Origin`.
    pub allowed_origins: Vec<String>,
}

/// The URL at which readers reach the site: a scheme, a host, an optional port, and an optional
/// path prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    /// Whether the scheme is https.
    pub is_https: bool,
    /// Host and port, as in a URL.
    pub authority: String,
    /// The host without the port, in lower case and without a trailing dot.
    pub host: String,
    /// The path prefix, which begins with a slash and ends without one; empty for none.
    pub path: String,
}

/// Marks a request from a page of another site, which is treated as anonymous.
#[derive(Clone, Copy, Debug)]
pub struct Stranger;

impl PublicUrl {
    /// Parses a URL with http or https, without a user, a query or a fragment.
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
        // The host may still be invalid, as in "1.2.3.4.5".
        (fits && Url::parse(&url.origin()).is_ok()).then_some(url)
    }

    /// The site's origin, as browsers write it.
    pub fn origin(&self) -> String {
        let scheme = if self.is_https { "https" } else { "http" };
        format!("{scheme}://{}", self.authority)
    }
}

impl Reach {
    /// The path prefix of the site; empty for none.
    pub fn path(&self) -> &str {
        self.public.as_ref().map_or("", |public| &public.path)
    }

    /// Returns whether readers use https.
    pub fn is_https(&self) -> bool {
        self.public.as_ref().is_some_and(|public| public.is_https)
    }

    /// Returns the name of a cookie. Over https it has a prefix that makes browsers accept the
    /// cookie only from this site: never over http and, if the site has no path prefix, never from
    /// another host of the domain.
    pub fn cookie(&self, name: &str) -> String {
        match (self.is_https(), self.path()) {
            (false, _) => name.to_owned(),
            (true, "") => format!("__Host-{name}"),
            (true, _) => format!("__Secure-{name}"),
        }
    }

    /// Returns whether the forwarding headers of a peer are trusted.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&peer.to_canonical()))
    }

    /// Returns the address that a connection is counted under; `None` for a proxy's connection,
    /// because a proxy has as many connections as it has clients.
    pub fn counted(&self, peer: IpAddr) -> Option<IpAddr> {
        (!self.trusts(peer)).then(|| as_counted(peer))
    }

    /// Returns the address of a request's client, as limits count it: the last address that a
    /// trusted proxy reports and that is not itself a trusted proxy. Anyone can forge the addresses
    /// to the left of it.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        if self.trusts(peer) {
            let hops = hops(headers);
            for hop in hops.iter().rev() {
                // A hop that hides its client counts as the client.
                let Some(address) = address_of(hop) else { break };
                client = address;
                if !self.trusts(address) {
                    break;
                }
            }
        }
        as_counted(client)
    }

    /// Returns the host that a client requested, as written, from the headers of a trusted proxy if
    /// it sets them. Returns `None` if there is no host or more than one.
    pub fn host<'a>(&self, peer: Option<IpAddr>, headers: &'a HeaderMap) -> Option<&'a str> {
        if peer.is_some_and(|peer| self.trusts(peer)) {
            // In a chain of proxies, the last value is the trusted proxy's.
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

    /// Returns whether this authority names the site.
    pub fn answers_for(&self, authority: &str) -> bool {
        if self.hosts.is_empty() {
            return is_loopback(authority);
        }
        let name = host_of(authority).map(|host| host.trim_end_matches('.').to_ascii_lowercase());
        name.is_some_and(|name| self.hosts.contains(&name))
    }

    /// Returns whether this origin is the site itself: the scheme and name must match, and the port
    /// must be the public one or the requested one (`host`). Another port of the host is a
    /// different application, which receives the same cookies. Returns `None` if no host name is
    /// configured.
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

    /// Returns whether pages of this origin may read anonymously.
    pub fn allows(&self, origin: &str) -> bool {
        self.allowed_origins.iter().any(|allowed| allowed == origin)
    }
}

/// Under accounts access, loopback is not exempt: it is counted under an address that no peer has.
fn as_counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        address if address.is_loopback() => Ipv4Addr::UNSPECIFIED.into(),
        address => address,
    }
}

/// The address from which each proxy received the request, the nearest proxy last.
/// `X-Forwarded-For` takes precedence over `Forwarded`, which most proxies pass on as the client
/// wrote it.
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

/// The elements of a list header. Proxies append to the client's header, which may be invalid text.
fn list(value: &HeaderValue) -> impl Iterator<Item = Result<&str, Utf8Error>> {
    let elements = value.as_bytes().split(|byte| *byte == b',');
    elements.map(|element| std::str::from_utf8(element.trim_ascii()))
}

/// Returns a parameter of an element of `Forwarded`.
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

/// Returns whether an authority names a loopback host.
pub fn is_loopback(authority: &str) -> bool {
    let Some(host) = host_of(authority) else { return false };
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Returns the host of an authority, which is a host with an optional port as defined by RFC 9110.
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
