//! The base URL of the site. Documents that are read elsewhere, such as feeds and the sitemap, need
//! absolute URLs.

use std::net::{IpAddr, SocketAddr};

use url::Url;

use super::Reach;

/// The base URL of the site: a scheme, a host, an optional port and an optional path prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Url);

impl Address {
    /// The public URL, else the site's first host name, else the address that it listens on
    /// (`bind`). It never depends on a request. `None` if no URL can have that host name.
    pub fn of(reach: &Reach, bind: SocketAddr) -> Option<Address> {
        let text = match (&reach.public, reach.hosts.first()) {
            (Some(public), _) => format!("{}{}", public.origin(), public.path),
            (None, Some(name)) if name.contains(':') => format!("http://[{name}]:{}", bind.port()),
            (None, Some(name)) => format!("http://{name}:{}", bind.port()),
            (None, None) => local(bind),
        };
        Url::parse(&text).ok().map(Address)
    }

    /// The absolute URL of one of the site's paths, which begins with a slash and is encoded.
    pub fn to(&self, path: &str) -> String {
        format!("{}{path}", self.0.as_str().trim_end_matches('/'))
    }

    /// Like [`Self::to`], as a [`Url`], against which relative addresses can be resolved.
    pub fn url(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}{path}", self.0.path().trim_end_matches('/')));
        url
    }

    /// The prefix of all paths of the site; empty for none.
    pub fn path(&self) -> &str {
        self.0.path().trim_end_matches('/')
    }
}

/// The URL to open in a browser on this machine.
pub fn local(bind: SocketAddr) -> String {
    let port = bind.port();
    match bind.ip() {
        ip if ip.is_unspecified() => format!("http://localhost:{port}"),
        IpAddr::V6(ip) => format!("http://[{ip}]:{port}"),
        IpAddr::V4(ip) => format!("http://{ip}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::PublicUrl;
    use super::*;

    fn address(public: Option<&str>, names: &[&str], bind: &str) -> Option<Address> {
        let public = public.map(|url| PublicUrl::parse(url).expect("a URL"));
        let hosts = public.iter().map(|public| public.host.clone());
        let hosts = hosts.chain(names.iter().map(ToString::to_string)).collect();
        let reach = Reach { public, hosts, ..Reach::default() };
        Address::of(&reach, bind.parse().expect("an address"))
    }

    #[test]
    fn the_public_url_prefixes_every_path() {
        let here = "127.0.0.1:8080";
        for (public, front) in [
            ("https://example.org/blog/", "https://example.org/blog/"),
            ("https://Example.org:443", "https://example.org/"),
            ("http://example.org:8080/a/b", "http://example.org:8080/a/b/"),
        ] {
            let address = address(Some(public), &["other.example"], here).expect("an address");
            assert_eq!(address.to("/"), front);
            assert_eq!(address.url("/posts/1").as_str(), format!("{front}posts/1"));
        }
    }

    #[test]
    fn without_a_public_url_it_is_the_host_name_or_the_bind_address() {
        let front = |names: &[&str], bind: &str| address(None, names, bind).map(|it| it.to("/"));
        for (names, bind, told) in [
            (&[][..], "127.0.0.1:8080", "http://127.0.0.1:8080/"),
            (&[], "[::1]:8080", "http://[::1]:8080/"),
            (&[], "0.0.0.0:8080", "http://localhost:8080/"),
            (&["blog.example"], "0.0.0.0:8080", "http://blog.example:8080/"),
            (&["2001:db8::1"], "[::]:80", "http://[2001:db8::1]/"),
        ] {
            assert_eq!(front(names, bind).as_deref(), Some(told));
        }
        assert_eq!(front(&["1.2.3.4.5"], "0.0.0.0:80"), None, "no address has such a name");
    }
}
