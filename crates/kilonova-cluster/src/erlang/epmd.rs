//! Asks the port mapper (epmd) of a host for the port of a node. Owns that single request.

use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The handshake version of this node.
const VERSION: u16 = 6;

/// The reason why the port is unknown.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error("the port mapper (epmd) of {0} cannot be reached: {1}")]
    Unreachable(SocketAddr, #[source] std::io::Error),
    #[error("the port mapper (epmd) of {0} does not know {1:?}")]
    Unknown(SocketAddr, String),
    #[error("{0:?} has an unsupported version of the distribution protocol")]
    Version(String),
}

/// The port of a node. `name` is the part of its name before the `@`.
pub(super) async fn port(host: IpAddr, epmd: u16, name: &str) -> Result<u16, Failed> {
    let address = SocketAddr::new(host, epmd);
    let answer = ask(address, name).await;
    let [tag, result, high, low, _, protocol, most @ .., least_high, least_low] =
        answer.map_err(|error| Failed::Unreachable(address, error))?;
    if (tag, result) != (119, 0) {
        return Err(Failed::Unknown(address, name.to_owned()));
    }
    let least = u16::from_be_bytes([least_high, least_low]);
    if protocol != 0 || !(least..=u16::from_be_bytes(most)).contains(&VERSION) {
        return Err(Failed::Version(name.to_owned()));
    }
    Ok(u16::from_be_bytes([high, low]))
}

/// Sends the request and reads the answer. A negative answer has only two bytes.
async fn ask(address: SocketAddr, name: &str) -> std::io::Result<[u8; 10]> {
    let mut stream = TcpStream::connect(address).await?;
    let length = u16::try_from(name.len() + 1).map_err(std::io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), &[122][..], name.as_bytes()].concat()).await?;
    let mut answer = [0xff; 10];
    stream.read_exact(&mut answer[..2]).await?;
    if answer[..2] == [119, 0] {
        stream.read_exact(&mut answer[2..]).await?;
    }
    Ok(answer)
}
