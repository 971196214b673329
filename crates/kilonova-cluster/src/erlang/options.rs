//! The options for Erlang nodes: the nodes, the channels, and this node's name.

use std::collections::HashSet;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::Cookie;
use super::term::LONGEST_ATOM;

/// An Erlang node to connect to: `name@host`, or `name@host:port` to skip the port mapper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    pub(super) name: Arc<str>,
    pub(super) port: Option<u16>,
}

/// A text that is not a [`Peer`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not name@host or name@host:port")]
pub struct BadPeer(String);

impl Peer {
    /// The part of the name before the `@`.
    pub(super) fn alive(&self) -> &str {
        self.name.split_once('@').map_or("", |(name, _)| name)
    }

    /// The part of the name after the `@`.
    pub fn host(&self) -> &str {
        self.name.split_once('@').map_or("", |(_, host)| host)
    }
}

impl FromStr for Peer {
    type Err = BadPeer;

    fn from_str(text: &str) -> Result<Peer, BadPeer> {
        let bad = || BadPeer(text.to_owned());
        let (name, host) = text.split_once('@').ok_or_else(bad)?;
        let (host, port) = match host.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().map_err(|_| bad())?)),
            None => (host, None),
        };
        let is_word = |word: &str| {
            !word.is_empty()
                && word.chars().all(|it| it.is_ascii_alphanumeric() || "-_.".contains(it))
        };
        if !is_word(name) || !is_word(host) || text.len() > LONGEST_ATOM || port == Some(0) {
            return Err(bad());
        }
        Ok(Peer { name: format!("{name}@{host}").into(), port })
    }
}

/// The options for connections to Erlang nodes.
#[derive(Clone, Debug)]
#[must_use = "options do nothing until they are passed on"]
pub struct Options {
    pub(super) name: Arc<str>,
    pub(super) peers: Vec<Peer>,
    pub(super) channels: Vec<Arc<str>>,
    pub(super) cookie: Cookie,
    pub(super) scope: String,
    pub(super) allow_cleartext: bool,
    pub(super) epmd: u16,
    pub(super) timing: Timing,
}

/// Timeouts and intervals.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The timeout for connecting and the handshake.
    pub connect: Duration,
    /// The first and the longest pause before a retry.
    pub backoff: (Duration, Duration),
    /// The interval between requests for an unknown scope.
    pub discover: Duration,
    /// How long the other node may send nothing or read nothing.
    pub silence: Duration,
}

impl Default for Timing {
    fn default() -> Timing {
        Timing {
            connect: Duration::from_secs(7),
            backoff: (Duration::from_millis(500), Duration::from_secs(15)),
            discover: Duration::from_secs(1),
            // Erlang's net_ticktime.
            silence: Duration::from_secs(60),
        }
    }
}

/// The reason why options are invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no Erlang node to connect to.
    #[error("there is no Erlang node to connect to")]
    NoPeers,
    /// A node is listed twice. It would close each of two connections in favor of the other.
    #[error("{0} is named twice")]
    Twice(Arc<str>),
    /// A channel or the scope cannot be an atom.
    #[error("{0:?} cannot be an atom; use 1 to 255 characters")]
    Atom(String),
    /// No channel is shared.
    #[error("no channel is shared with Erlang")]
    NoChannels,
    /// The cookie is empty.
    #[error("the cookie is empty")]
    NoCookie,
}

impl Options {
    /// Creates options to connect to `peers` and share `channels` under the node name `name`.
    /// Characters that Erlang does not allow in names become `-`.
    pub fn new(
        name: &str,
        peers: impl IntoIterator<Item = Peer>,
        channels: impl IntoIterator<Item = impl Into<Arc<str>>>,
        cookie: Cookie,
    ) -> Options {
        let word = |it: char| if it.is_ascii_alphanumeric() || it == '_' { it } else { '-' };
        let name: String = name.chars().take(64).map(word).collect();
        let mut shared: Vec<Arc<str>> = Vec::new();
        for channel in channels.into_iter().map(Into::into) {
            if !shared.contains(&channel) {
                shared.push(channel);
            }
        }
        Options {
            name: format!("kilonova-{name}@kilonova").into(),
            peers: peers.into_iter().collect(),
            channels: shared,
            cookie,
            scope: "nova_scope".to_owned(),
            allow_cleartext: false,
            epmd: 4369,
            timing: Timing::default(),
        }
    }

    /// Sets the scope of the process groups; by default `nova_scope`.
    pub fn scope(self, scope: impl Into<String>) -> Options {
        Options { scope: scope.into(), ..self }
    }

    /// Allows connections to addresses that are not private. The connections are not encrypted.
    pub fn allow_cleartext(self, allow: bool) -> Options {
        Options { allow_cleartext: allow, ..self }
    }

    /// Sets the port of the port mappers; by default 4369.
    pub fn epmd(self, port: u16) -> Options {
        Options { epmd: port, ..self }
    }

    #[doc(hidden)]
    pub fn timing(self, timing: Timing) -> Options {
        Options { timing, ..self }
    }

    /// Checks the options. [`open`](super::open) does this too.
    pub fn check(&self) -> Result<(), Error> {
        let atoms = self.channels.iter().map(|it| &**it).chain([self.scope.as_str()]);
        for atom in atoms {
            if !(1..=LONGEST_ATOM).contains(&atom.chars().count()) {
                return Err(Error::Atom(atom.to_owned()));
            }
        }
        let mut names = HashSet::new();
        if let Some(peer) = self.peers.iter().find(|peer| !names.insert(&peer.name)) {
            return Err(Error::Twice(Arc::clone(&peer.name)));
        }
        match () {
            () if self.peers.is_empty() => Err(Error::NoPeers),
            () if self.channels.is_empty() => Err(Error::NoChannels),
            () if self.cookie.is_empty() => Err(Error::NoCookie),
            () => Ok(()),
        }
    }
}

/// Returns true if `address` belongs to this machine or to a network that is not reachable from the
/// internet.
pub fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || (a == 100 && b & 0xc0 == 64)
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_a_name_a_host_and_perhaps_a_port() {
        let peer: Peer = "shop@10.0.0.1:9100".parse().unwrap();
        assert_eq!((&*peer.name, peer.port, peer.alive()), ("shop@10.0.0.1", Some(9100), "shop"));
        assert_eq!("a@b".parse::<Peer>().unwrap().port, None);
        for bad in ["", "a", "@b", "a@", "a@b:", "a@b:0", "a@b:70000", "a@b@c", "a b@c", "a@b/c"] {
            assert!(bad.parse::<Peer>().is_err(), "{bad}");
        }
    }

    #[test]
    fn private_addresses_are_those_that_the_internet_does_not_reach() {
        for private in ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::1"] {
            assert!(is_private(private.parse().unwrap()), "{private}");
        }
        for private in ["fd00::1", "fe80::1", "169.254.1.1", "::ffff:10.0.0.1"] {
            assert!(is_private(private.parse().unwrap()), "{private}");
        }
        for public in ["192.0.2.1", "172.32.0.1", "100.128.0.1", "2001:db8::1", "::ffff:1.1.1.1"] {
            assert!(!is_private(public.parse().unwrap()), "{public}");
        }
    }
}
