//! Validates the flags of the connections to Erlang nodes.

use std::io::Read;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Error, files, heading};
use crate::cluster::erlang::{self, Cookie, Options, Peer, is_private};
use crate::events::{COMMENTS, NOTES, POSTS};

/// The channels that may be shared. All others are internal or belong to single posts.
const SHARED: [&str; 3] = [POSTS, COMMENTS, NOTES];

/// The maximum length of a cookie in bytes: that of an atom of 255 characters.
const LONGEST_COOKIE: u64 = 1020;

/// The Erlang flags.
#[derive(Clone, Debug, Args)]
pub(super) struct ErlangArgs {
    /// Erlang nodes to share channels with, separated by commas
    ///
    /// name@host or name@host:port. Without a port, the host's port mapper (epmd) is queried.
    /// Unreachable nodes are retried.
    #[arg(
        long,
        help_heading = heading::CLUSTER,
        env = "KILONOVA_ERLANG_CONNECT",
        value_delimiter = ',',
        value_name = "NODE",
    )]
    erlang_connect: Vec<String>,
    /// Channels to share with Erlang nodes: posts, comments, notes
    ///
    /// Separated by commas. Members on the Erlang side receive only what every visitor may see, and
    /// for notes what every account may see.
    #[arg(
        long,
        help_heading = heading::CLUSTER,
        env = "KILONOVA_ERLANG_CHANNELS",
        value_delimiter = ',',
        value_name = "CHANNEL",
    )]
    erlang_channels: Vec<String>,
    /// File with the cookie of the Erlang nodes, readable only by its owner
    ///
    /// Anyone who knows the cookie can run code on every Erlang node. The file's mode must be 0600
    /// or 0400.
    #[arg(
        long,
        help_heading = heading::CLUSTER,
        env = "KILONOVA_ERLANG_COOKIE_FILE",
        value_name = "FILE",
    )]
    erlang_cookie_file: Option<PathBuf>,
    /// Scope of the process groups on the Erlang nodes
    #[arg(
        long,
        help_heading = heading::CLUSTER,
        env = "KILONOVA_ERLANG_SCOPE",
        default_value = "nova_scope",
        value_name = "NAME",
    )]
    erlang_scope: String,
    /// Connects to Erlang nodes outside private networks, unencrypted
    #[arg(long, help_heading = heading::CLUSTER, env = "KILONOVA_ERLANG_ALLOW_CLEARTEXT")]
    erlang_allow_cleartext: bool,
}

impl ErlangArgs {
    /// Validates the flags for the node with this name; returns `None` if they name no Erlang node.
    pub(super) fn check(self, node: &str) -> Result<Option<Options>, Error> {
        let texts = |texts: Vec<String>| {
            let texts = texts.into_iter().map(|text| text.trim().to_owned());
            texts.filter(|text| !text.is_empty()).collect::<Vec<_>>()
        };
        let (peers, channels) = (texts(self.erlang_connect), texts(self.erlang_channels));
        if peers.is_empty() {
            return match channels.is_empty() && self.erlang_cookie_file.is_none() {
                true => Ok(None),
                false => Err(Error("--erlang-connect is missing; name the nodes".to_owned())),
            };
        }
        let peers: Result<Vec<Peer>, _> = peers.iter().map(|peer| peer.parse()).collect();
        let peers = peers.map_err(|error| Error(format!("--erlang-connect: {error}")))?;
        if channels.is_empty() {
            return Err(Error(
                "--erlang-channels is missing; --erlang-connect requires it".to_owned(),
            ));
        }
        if let Some(channel) = channels.iter().find(|it| !SHARED.contains(&it.as_str())) {
            return Err(Error(format!(
                "--erlang-channels: {channel} cannot be shared; use posts, comments, notes"
            )));
        }
        let is_public =
            |peer: &&Peer| peer.host().parse::<IpAddr>().is_ok_and(|address| !is_private(address));
        if let Some(peer) = peers.iter().find(is_public)
            && !self.erlang_allow_cleartext
        {
            return Err(Error(format!(
                "--erlang-connect: {} is not a private address, and nothing would be encrypted; \
                 use a private network, or pass --erlang-allow-cleartext",
                peer.host()
            )));
        }
        let file = self.erlang_cookie_file.ok_or_else(|| {
            Error("--erlang-cookie-file is missing; --erlang-connect requires it".to_owned())
        })?;
        let cookie = read_cookie(&file)
            .map_err(|error| Error(format!("--erlang-cookie-file {}: {error}", file.display())))?;
        let options = Options::new(node, peers, channels, cookie)
            .scope(self.erlang_scope)
            .allow_cleartext(self.erlang_allow_cleartext);
        options.check().map_err(|error| match error {
            erlang::Error::Atom(_) => Error(format!("--erlang-scope: {error}")),
            error => Error(format!("--erlang-connect: {error}")),
        })?;
        Ok(Some(options))
    }
}

/// Reads the cookie. Fails if anyone but the file's owner can read it.
fn read_cookie(path: &Path) -> Result<Cookie, String> {
    let mut file = files::open(path).map_err(|error| error.to_string())?;
    // Check the open file: the path may lead to another one in the meantime.
    let mode = file.metadata().map_err(|error| error.to_string())?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!("others can read it (mode {mode:04o}); run chmod 600"));
    }
    let mut text = String::new();
    let read = file.by_ref().take(LONGEST_COOKIE + 2).read_to_string(&mut text);
    read.map_err(|error| error.to_string())?;
    // Erlang reads its cookie the same way.
    let is_plain = text.trim().bytes().all(|byte| (b' '..=b'~').contains(&byte));
    match text.trim().len() as u64 {
        _ if !is_plain => Err("a cookie is one line of ASCII characters".to_owned()),
        0 => Err("it is empty".to_owned()),
        1..=LONGEST_COOKIE => Ok(Cookie::new(&text)),
        _ => Err(format!("it has more than {LONGEST_COOKIE} bytes")),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        erlang: ErlangArgs,
    }

    fn check(flags: &[&str]) -> Result<Option<Options>, Error> {
        Flags::parse_from([&["x"], flags].concat()).erlang.check("node-1")
    }

    fn cookie(text: &str, mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    fn with(connect: &str, channels: &str, file: &tempfile::NamedTempFile) -> Result<(), String> {
        let path = file.path().to_str().unwrap();
        let flags = ["--erlang-connect", connect, "--erlang-channels", channels];
        let checked = check(&[&flags[..], &["--erlang-cookie-file", path]].concat());
        checked.map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn the_cookie_file_is_for_its_owner_alone() {
        for mode in [0o600, 0o400] {
            assert_eq!(with("nova@10.0.0.1", "posts", &cookie("secret\n", mode)), Ok(()));
        }
        for mode in [0o640, 0o604, 0o666, 0o660] {
            let error = with("nova@10.0.0.1", "posts", &cookie("secret\n", mode)).unwrap_err();
            assert!(error.contains("chmod 600"), "{error}");
        }
        for text in ["", "\n", &"x".repeat(2000), "one\ntwo\n", "a\tb", "\u{e9}"] {
            assert!(with("nova@10.0.0.1", "posts", &cookie(text, 0o600)).is_err(), "{text:?}");
        }
        assert_eq!(with("nova@10.0.0.1", "posts", &cookie("one two\n\n", 0o600)), Ok(()));
    }

    #[test]
    fn a_pipe_in_the_place_of_the_cookie_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
        assert!(read_cookie(&path).unwrap_err().contains("not a regular file"));
    }

    #[test]
    fn a_node_is_named_once() {
        let file = cookie("secret", 0o600);
        assert_eq!(with("a@10.0.0.1,a@10.0.0.2,b@10.0.0.1", "posts", &file), Ok(()));
        for twice in ["a@10.0.0.1,a@10.0.0.1", "a@10.0.0.1:1,b@10.0.0.1,a@10.0.0.1:2"] {
            let error = with(twice, "posts", &file).unwrap_err();
            assert_eq!(error, "--erlang-connect: a@10.0.0.1 is named twice");
        }
    }

    #[test]
    fn a_scope_that_is_no_atom_is_refused_by_its_flag() {
        let file = cookie("secret", 0o600);
        let path = file.path().to_str().unwrap();
        let flags = ["--erlang-connect", "a@10.0.0.1", "--erlang-channels", "posts"];
        for scope in ["", &"x".repeat(300)] {
            let flags = [&flags[..], &["--erlang-cookie-file", path, "--erlang-scope", scope]];
            let error = check(&flags.concat()).unwrap_err().to_string();
            assert!(error.starts_with("--erlang-scope: "), "{error}");
        }
    }

    #[test]
    fn only_the_channels_of_the_site_are_shared() {
        let file = cookie("secret", 0o600);
        assert_eq!(with("nova@10.0.0.1", "posts,comments,notes", &file), Ok(()));
        for channel in ["system", "users", "nodes", "presence_1", "feed:x:committed"] {
            assert!(with("nova@10.0.0.1", channel, &file).is_err(), "{channel}");
        }
        assert!(with("nova@10.0.0.1", "", &file).is_err());
    }

    #[test]
    fn a_public_address_needs_a_flag() {
        let file = cookie("secret", 0o600);
        assert!(with("nova@192.0.2.1", "posts", &file).is_err());
        assert!(with("nova", "posts", &file).is_err());
        assert_eq!(with("nova@localhost:9100", "posts", &file), Ok(()));
        assert!(check(&[]).unwrap().is_none());
        assert!(check(&["--erlang-channels", "posts"]).is_err());
    }
}
