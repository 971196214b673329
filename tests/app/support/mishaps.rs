//! A TCP proxy in front of PostgreSQL that disturbs a single commit.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The fate of a commit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mishap {
    /// The commit takes effect, and its response is lost with the connection.
    AnswerLost,
    /// Both sides lose the connection before the commit.
    NeverArrives,
    /// The client loses the connection, and the commit arrives after this time.
    ArrivesLate(Duration),
}

/// The proxy. Its threads end with the connections.
pub(crate) struct Mishaps {
    pub(crate) port: u16,
    next: Next,
}

/// A mishap, and words that the affected transaction writes.
type Next = Arc<Mutex<Option<(Mishap, &'static str)>>>;

/// The end of a transaction on the wire.
const COMMIT: &[u8] = b"COMMIT\0";

impl Mishaps {
    /// Starts a proxy in front of a local port.
    pub(crate) fn start(port: u16) -> Mishaps {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let next = Next::default();
        let armed = Arc::clone(&next);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let armed = Arc::clone(&armed);
                std::thread::spawn(move || drop(forward(client, server, &armed)));
            }
        });
        Mishaps { port: own, next }
    }

    /// Chooses the fate of the next commit of a transaction that writes these words.
    pub(crate) fn arm(&self, mishap: Mishap, words: &'static str) {
        *self.next.lock().unwrap() = Some((mishap, words));
    }

    /// Whether the mishap has happened.
    pub(crate) fn has_struck(&self) -> bool {
        self.next.lock().unwrap().is_none()
    }
}

fn contains(bytes: &[u8], words: &[u8]) -> bool {
    bytes.windows(words.len()).any(|window| window == words)
}

fn forward(mut client: TcpStream, mut server: TcpStream, next: &Next) -> std::io::Result<()> {
    let (mut answers, mut to) = (server.try_clone()?, client.try_clone()?);
    let answering = std::thread::spawn(move || {
        let copied = std::io::copy(&mut answers, &mut to);
        drop(to.shutdown(Shutdown::Both));
        copied
    });
    let mut bytes = vec![0; 1 << 16];
    let mut concerned = false;
    loop {
        let count = client.read(&mut bytes)?;
        let said = &bytes[..count];
        let words = next.lock().unwrap().map(|(_, words)| words);
        concerned |= words.is_some_and(|words| contains(said, words.as_bytes()));
        let mishap = match concerned && contains(said, COMMIT) {
            true => next.lock().unwrap().take(),
            false => None,
        };
        match mishap.map(|(mishap, _)| mishap) {
            None if count > 0 => server.write_all(said)?,
            None => break,
            Some(mishap) => {
                client.shutdown(Shutdown::Both)?;
                match mishap {
                    Mishap::NeverArrives => break,
                    Mishap::ArrivesLate(time) => std::thread::sleep(time),
                    Mishap::AnswerLost => {}
                }
                server.write_all(said)?;
                // The server executes the commit before it sees the end of the stream.
                server.shutdown(Shutdown::Write)?;
                drop(answering.join());
                return Ok(());
            }
        }
    }
    drop(server.shutdown(Shutdown::Both));
    drop(answering.join());
    Ok(())
}
