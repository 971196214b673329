//! The handshake of OTP 23 and later (version 6), as the connecting side and as a hidden node. Owns
//! the messages, the flags and the proof of the cookie.

use std::fmt;

use md5::{Digest, Md5};
use subtle::ConstantTimeEq;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest handshake message. A name of 255 characters and 64 more bytes fit.
const LONGEST: usize = 1024;

/// The features that OTP 25 requires of both sides. One bit may represent all of them.
const MANDATORY: u64 = 0x4 // references of several words
    | 0x10 | 0x80 // functions, in two versions
    | 0x100 // large pids
    | 0x200 // exported functions
    | 0x400 // bit strings
    | 0x800 // binary floats
    | 0x1_0000 // atoms in UTF-8
    | 0x2_0000 // maps
    | 0x4_0000 // large creations
    | 0x100_0000; // this handshake
const MANDATORY_DIGEST: u64 = 1 << 26;

/// The features of this node. It offers no atom cache, fragments, aliases or spawning, so each
/// message is one self-contained frame.
const FLAGS: u64 = MANDATORY
    | MANDATORY_DIGEST
    | 0x8 | 0x20 // monitors, also of names
    | 0x4000 // short atoms
    | 1 << 25 // links that are unlinked by number
    | 1 << 34; // pids, ports and references of version 4

/// The secret that all nodes of the cluster share. Anyone who has it can run code on all Erlang
/// nodes.
#[derive(Clone)]
pub struct Cookie(String);

impl Cookie {
    /// Creates a cookie from a text, without surrounding white space.
    pub fn new(text: &str) -> Cookie {
        Cookie(text.trim().to_owned())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The proof that this side knows the cookie, for a challenge of the other side.
    fn digest(&self, challenge: u32) -> [u8; 16] {
        Md5::new().chain_update(&self.0).chain_update(challenge.to_string()).finalize().into()
    }
}

/// Omits the cookie.
impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookie")
    }
}

/// The reason why a handshake failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("it answered {0:?}; it may already be connected to a node with this name")]
    Status(String),
    #[error("its name is {0:?}")]
    Name(String),
    #[error("it is older than OTP 23")]
    Old,
    #[error("it lacks features that OTP 25 requires (flags {0:#x})")]
    Flags(u64),
    #[error("it has a different cookie")]
    Cookie,
    #[error("it sent something other than a handshake message")]
    Shape,
}

/// Does the handshake with the node `peer`. Returns that node's creation, which identifies its run.
pub(super) async fn call<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    name: &str,
    creation: u32,
    peer: &str,
    cookie: &Cookie,
    challenge: u32,
) -> Result<u32, Failed> {
    let mut hello = vec![b'N'];
    hello.extend(FLAGS.to_be_bytes());
    hello.extend(creation.to_be_bytes());
    hello.extend(u16::try_from(name.len()).map_err(|_| Failed::Shape)?.to_be_bytes());
    hello.extend(name.as_bytes());
    send(stream, &hello).await?;

    let status = receive(stream).await?;
    match status.split_first() {
        Some((b's', b"ok" | b"ok_simultaneous")) => {}
        // The other node has not noticed yet that an earlier connection of this node ended.
        Some((b's', b"alive")) => send(stream, b"strue").await?,
        Some((b's', status)) => {
            return Err(Failed::Status(String::from_utf8_lossy(status).into_owned()));
        }
        _ => return Err(Failed::Shape),
    }

    let theirs = Challenge::read(&receive(stream).await?)?;
    if theirs.name != peer.as_bytes() {
        return Err(Failed::Name(String::from_utf8_lossy(&theirs.name).into_owned()));
    }
    if theirs.flags & MANDATORY_DIGEST == 0 && theirs.flags & MANDATORY != MANDATORY {
        return Err(Failed::Flags(theirs.flags));
    }
    let mut reply = vec![b'r'];
    reply.extend(challenge.to_be_bytes());
    reply.extend(cookie.digest(theirs.challenge));
    send(stream, &reply).await?;

    // A node with a different cookie closes the connection here.
    let proof = receive(stream).await.map_err(|failed| match failed {
        Failed::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Failed::Cookie,
        failed => failed,
    })?;
    match proof.split_first() {
        Some((b'a', proof)) if bool::from(proof.ct_eq(&cookie.digest(challenge)[..])) => {
            Ok(theirs.creation)
        }
        Some((b'a', _)) => Err(Failed::Cookie),
        _ => Err(Failed::Shape),
    }
}

/// The other node's challenge, with its name and features.
struct Challenge {
    flags: u64,
    challenge: u32,
    creation: u32,
    name: Vec<u8>,
}

impl Challenge {
    fn read(message: &[u8]) -> Result<Challenge, Failed> {
        let (tag, rest) = message.split_first().ok_or(Failed::Shape)?;
        match tag {
            b'N' => {}
            b'n' => return Err(Failed::Old),
            _ => return Err(Failed::Shape),
        }
        let (flags, rest) = rest.split_first_chunk().ok_or(Failed::Shape)?;
        let (challenge, rest) = rest.split_first_chunk().ok_or(Failed::Shape)?;
        let (creation, rest) = rest.split_first_chunk().ok_or(Failed::Shape)?;
        let (length, rest) = rest.split_first_chunk().ok_or(Failed::Shape)?;
        let name = rest.get(..u16::from_be_bytes(*length).into()).ok_or(Failed::Shape)?;
        Ok(Challenge {
            flags: u64::from_be_bytes(*flags),
            challenge: u32::from_be_bytes(*challenge),
            creation: u32::from_be_bytes(*creation),
            name: name.to_vec(),
        })
    }
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, message: &[u8]) -> Result<(), Failed> {
    let length = u16::try_from(message.len()).map_err(|_| Failed::Shape)?;
    let bytes = [&length.to_be_bytes(), message].concat();
    Ok(stream.write_all(&bytes).await?)
}

async fn receive<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>, Failed> {
    let length = usize::from(stream.read_u16().await?);
    if length > LONGEST {
        return Err(Failed::Shape);
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHALLENGE: u32 = 5;

    fn framed(message: &[u8]) -> Vec<u8> {
        [&(message.len() as u16).to_be_bytes(), message].concat()
    }

    fn challenge(flags: u64, name: &str) -> Vec<u8> {
        let length = (name.len() as u16).to_be_bytes();
        let parts: [&[u8]; 6] =
            [b"N", &flags.to_be_bytes(), &[0, 0, 0, 9], &[0, 0, 0, 7], &length, name.as_bytes()];
        framed(&parts.concat())
    }

    /// The outcome with a node that sends these messages, and the bytes that it received.
    async fn outcome(says: Vec<Vec<u8>>) -> (Result<u32, Failed>, Vec<u8>) {
        let (mut ours, mut theirs) = tokio::io::duplex(64 * 1024);
        theirs.write_all(&says.concat()).await.unwrap();
        let cookie = Cookie::new("secret\n");
        let result = call(&mut ours, "k@h", 3, "nova@h", &cookie, CHALLENGE).await;
        drop(ours);
        let mut told = Vec::new();
        theirs.read_to_end(&mut told).await.unwrap();
        (result, told)
    }

    fn proof(cookie: &str) -> Vec<u8> {
        framed(&[b"a", &Cookie::new(cookie).digest(CHALLENGE)[..]].concat())
    }

    #[tokio::test]
    async fn a_node_with_the_cookie_is_accepted() {
        let says = |status: &[u8]| {
            vec![framed(status), challenge(MANDATORY_DIGEST, "nova@h"), proof("secret")]
        };
        let (result, told) = outcome(says(b"sok")).await;
        assert_eq!(result.unwrap(), 7);
        let reply = [b"r\0\0\0\x05", &Cookie::new("secret").digest(9)[..]].concat();
        assert!(told.ends_with(&framed(&reply)));
        let (result, told) = outcome(says(b"salive")).await;
        assert_eq!(result.unwrap(), 7);
        assert!(told.windows(7).any(|seven| seven == b"\0\x05strue"));
    }

    #[tokio::test]
    async fn a_digest_is_the_md5_of_the_cookie_and_the_decimal_number() {
        // erlang:md5("secret9")
        let digest = Cookie::new("secret").digest(9);
        let expected = Md5::digest("secret9");
        assert_eq!(digest, <[u8; 16]>::from(expected));
    }

    #[tokio::test]
    async fn a_node_that_breaks_the_handshake_is_refused() {
        let (ok, whole) = (framed(b"sok"), challenge(MANDATORY, "nova@h"));
        let outcomes = [
            (vec![framed(b"snok")], "Status"),
            (vec![framed(b"snot_allowed")], "Status"),
            (vec![framed(b"")], "Shape"),
            (vec![vec![0xff, 0xff]], "Shape"),
            (vec![ok.clone(), framed(b"n\0\x05")], "Old"),
            (vec![ok.clone(), framed(b"N\0\0")], "Shape"),
            (vec![ok.clone(), challenge(MANDATORY, "other@h")], "Name"),
            (vec![ok.clone(), challenge(MANDATORY & !0x4, "nova@h")], "Flags"),
            (vec![ok.clone(), whole.clone(), proof("guess")], "Cookie"),
            (vec![ok.clone(), whole.clone(), framed(b"a")], "Cookie"),
            (vec![ok, whole, framed(b"x")], "Shape"),
        ];
        for (says, expected) in outcomes {
            let (result, _) = outcome(says).await;
            let failed = format!("{:?}", result.unwrap_err());
            assert!(failed.starts_with(expected), "{failed} for {expected}");
        }
    }

    #[tokio::test]
    async fn half_a_handshake_ends_with_its_connection() {
        let (mut ours, theirs) = tokio::io::duplex(1024);
        drop(theirs);
        let cookie = Cookie::new("secret");
        assert!(call(&mut ours, "k@h", 3, "nova@h", &cookie, 1).await.is_err());
    }
}
