//! The endpoints that nodes listen on and connect to.

use std::fmt;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::str::FromStr;
use std::time::Duration;

use tokio::net::{TcpListener, lookup_host};
use tokio::time::{Instant, timeout_at};

use super::Error;

// The timeout for finding this node's own endpoints before connecting, for all endpoints together.
const RESOLVE: Duration = Duration::from_secs(2);

/// An endpoint that a node listens on or connects to: `tcp/ADDR:PORT` or `tls/HOST:PORT`. An IPv6
/// address is in brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    tls: bool,
    host: String,
    port: u16,
}

/// A text that is not an [`Endpoint`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an endpoint; use tcp/ADDRESS:PORT or tls/HOST:PORT")]
pub struct BadEndpoint(String);

impl FromStr for Endpoint {
    type Err = BadEndpoint;

    fn from_str(text: &str) -> Result<Endpoint, BadEndpoint> {
        let bad = || BadEndpoint(text.to_owned());
        let (protocol, address) = text.split_once('/').ok_or_else(bad)?;
        let tls = match protocol {
            "tcp" => false,
            "tls" => true,
            _ => return Err(bad()),
        };
        let (host, port) = address.rsplit_once(':').ok_or_else(bad)?;
        let is_name = |host: &str| {
            (1..=253).contains(&host.len())
                && host
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        };
        let is_v6 = address.parse::<SocketAddr>().is_ok_and(|address| address.is_ipv6());
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        match port.parse() {
            Ok(port) if port != 0 && digits && (is_name(host) || is_v6) => {
                Ok(Endpoint { tls, host: host.to_owned(), port })
            }
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", if self.tls { "tls" } else { "tcp" }, self.address())
    }
}

impl Endpoint {
    /// Returns true if the endpoint needs certificates.
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// Returns true if only this machine can reach the endpoint: its host is a loopback address or
    /// `localhost`.
    pub fn is_loopback(&self) -> bool {
        let host = self.host.trim_matches(['[', ']']);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// The host and port, without the protocol.
    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Fails if nothing can listen on the endpoint. Zenoh's own error for this names its source
    /// files.
    pub(super) async fn try_listen(&self) -> Result<(), Error> {
        let listener = TcpListener::bind(self.address()).await;
        listener.map(drop).map_err(|source| Error::Listen { endpoint: self.clone(), source })
    }

    async fn is_own(&self, listen: &[Endpoint], deadline: Instant) -> bool {
        let ports = || listen.iter().filter(|own| own.port == self.port);
        if ports().next().is_none() {
            return false;
        }
        let Ok(Ok(addresses)) = timeout_at(deadline, lookup_host(self.address())).await else {
            return false;
        };
        let mut addresses = addresses.map(|address| address.ip()).peekable();
        addresses.peek().is_some()
            && addresses.all(|address| {
                is_local(address)
                    && ports().any(|own| {
                        match own.host.trim_matches(['[', ']']).parse::<IpAddr>() {
                            Ok(own) => own.is_unspecified() || own == address,
                            Err(_) => own.host == self.host,
                        }
                    })
            })
    }
}

/// The endpoints except those of this node, so that all nodes can have the same list.
pub(super) async fn without_own(connect: &[Endpoint], listen: &[Endpoint]) -> Vec<Endpoint> {
    let deadline = Instant::now() + RESOLVE;
    let mut others = Vec::with_capacity(connect.len());
    for endpoint in connect {
        if !others.contains(endpoint) && !endpoint.is_own(listen, deadline).await {
            others.push(endpoint.clone());
        }
    }
    others
}

// A socket can be bound only to an address of this machine.
fn is_local(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_and_written() {
        for text in
            ["tcp/127.0.0.1:7447", "tls/a-b.example_1:1", "tcp/[::1]:65535", "tcp/0.0.0.0:80"]
        {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "tcp",
            "tcp/",
            "tcp/:1",
            "tcp/a",
            "tcp/a:",
            "tcp/a:0",
            "tcp/a:65536",
            "tcp/a:+1",
            "udp/a:1",
            "a:1",
            "tcp/::1:80",
            "tcp/[::1:80",
            "tcp/a:1#iface=lo",
            "tcp/a?b:1",
            "tcp/a b:1",
            "TCP/a:1",
            "tcp/a:1/b",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_node_does_not_connect_to_itself() {
        let endpoints = |texts: &[&str]| {
            texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Endpoint>>()
        };
        let connect = endpoints(&[
            "tcp/127.0.0.1:1",
            "tcp/127.0.0.1:2",
            "tcp/127.0.0.2:1",
            "tcp/192.0.2.1:1",
        ]);
        for listen in [&["tcp/127.0.0.1:1"], &["tls/127.0.0.1:1"]] {
            assert_eq!(without_own(&connect, &endpoints(listen)).await, connect[1..]);
        }
        let everywhere = endpoints(&["tcp/0.0.0.0:1"]);
        assert_eq!(
            without_own(&connect, &everywhere).await,
            [connect[1].clone(), connect[3].clone()]
        );
        assert_eq!(without_own(&connect, &[]).await, connect);
    }
}
