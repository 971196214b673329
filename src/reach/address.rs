//! The address of the whole site. Documents that are read elsewhere (feeds, the sitemap) need whole
//! addresses.

use std::net::{IpAddr, SocketAddr};

use url::Url;

use super::Reach;

/// The address of the site: scheme, host, perhaps a port, and perhaps a path in front of all of its
/// own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Url);

impl Address {
    /// The public URL; without one the site's first name, and without a name the address that it
    /// listens on (`bind`). A request never decides. `None` when no URL can have that name.
    pub fn of(reach: &Reach, bind: SocketAddr) -> Option<Address> {
        let text = match (&reach.public, reach.hosts.first()) {
            (Some(public), _) => format!("{}{}", public.origin(), public.path),
            (None, Some(name)) if name.contains(':') => format!("http://[{name}]:{}", bind.port()),
            (None, Some(name)) => format!("http://{name}:{}", bind.port()),
            (None, None) => local(bind),
        };
        Url::parse(&text).ok().map(Address)
    }

    /// The whole address of one of the site's own paths, which begins with a slash and is encoded.
    pub fn to(&self, path: &str) -> String {
        format!("{}{path}", self.0.as_str().trim_end_matches('/'))
    }

    /// The same, for resolving relative addresses.
    pub fn url(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}{path}", self.0.path().trim_end_matches('/')));
        url
    }

    /// The path in front of all of the site's own; empty for none.
    pub fn path(&self) -> &str {
        self.0.path().trim_end_matches('/')
    }
}

/// The address to open in a browser on this machine.
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
    fn the_public_url_is_in_front_of_every_path() {
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
    fn without_one_it_is_the_sites_name_or_where_it_listens() {
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
