//! A client that sends the bytes that it is given, for what no well-behaved client would send.

use std::net::SocketAddr;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::{Answer, Site, within};

/// A connection and what has been read from it but not been used.
pub(crate) struct Raw {
    stream: TcpStream,
    buffer: Vec<u8>,
    port: u16,
}

/// A WebSocket frame that the server sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The code in a close frame.
    pub(crate) fn close_code(&self) -> Option<u16> {
        let code = self.payload.first_chunk::<2>().filter(|_| self.opcode == 8)?;
        Some(u16::from_be_bytes(*code))
    }
}

impl Raw {
    pub(crate) async fn connect(site: &Site) -> Raw {
        Raw::connect_to(([127, 0, 0, 1], site.port).into()).await
    }

    pub(crate) async fn connect_to(address: SocketAddr) -> Raw {
        let socket = TcpSocket::new_v4().unwrap();
        // Little fits on the way to a client that does not read.
        socket.set_recv_buffer_size(64 * 1024).unwrap();
        let stream = within("a connection", socket.connect(address)).await.unwrap();
        Raw { stream, buffer: Vec::new(), port: address.port() }
    }

    /// Connects and opens a WebSocket.
    pub(crate) async fn upgrade(site: &Site, path: &str) -> Raw {
        Raw::upgrade_to(([127, 0, 0, 1], site.port).into(), path).await
    }

    /// Connects likewise to a server that is not a `Site`.
    pub(crate) async fn upgrade_to(address: SocketAddr, path: &str) -> Raw {
        let mut raw = Raw::connect_to(address).await;
        raw.send(
            format!(
                "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUpgrade: websocket\r\n\
                 Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                raw.port
            )
            .as_bytes(),
        )
        .await;
        let head = raw.head().await.expect("an answer to the handshake");
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        raw
    }

    /// Sends bytes. A server that has hung up meanwhile is no error here: it is what it answered
    /// that counts.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        drop(within("bytes go out", self.stream.write_all(bytes)).await);
    }

    /// Says that nothing more will come, and stays to listen.
    pub(crate) async fn finish(&mut self) {
        drop(self.stream.shutdown().await);
    }

    /// Sends a whole request, reads the answer and hangs up.
    pub(crate) async fn request(
        mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        self.ask(method, path, headers, body).await
    }

    /// Sends a whole request and reads the answer.
    pub(crate) async fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head += &format!("Host: 127.0.0.1:{}\r\n", self.port);
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        head += "\r\n";
        self.send(&[head.as_bytes(), body].concat()).await;
        self.answer().await.expect("an answer")
    }

    /// Reads an answer; `None` when the server hangs up without one.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        let head = self.head().await?;
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        let length = headers.get("content-length").map(|value| value.to_str().unwrap());
        let length = length.map_or(0, |length| length.parse().unwrap());
        let body = self.take(length).await.expect("the whole body");
        Some(Answer { status, headers, body: body.into() })
    }

    /// The next WebSocket frame; `None` when the server hangs up.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        let head = self.take(2).await?;
        let (opcode, length) = (head[0] & 0x0f, usize::from(head[1]));
        assert_eq!(head[0] & 0xf0, 0x80, "the server sends whole frames");
        let length = match length {
            126 => usize::from(u16::from_be_bytes(self.take(2).await?.try_into().unwrap())),
            127 => u64::from_be_bytes(self.take(8).await?.try_into().unwrap()).try_into().unwrap(),
            short => short,
        };
        Some(Frame { opcode, payload: self.take(length).await? })
    }

    /// Waits for the server to hang up, whatever it says before.
    pub(crate) async fn hung_up(&mut self) {
        while self.more().await {
            self.buffer.clear();
        }
    }

    async fn head(&mut self) -> Option<String> {
        self.try_read_until("\r\n\r\n").await
    }

    /// Reads up to and with `end`, which must come.
    pub(crate) async fn read_until(&mut self, end: &str) -> String {
        self.try_read_until(end).await.expect("the server hangs up")
    }

    async fn try_read_until(&mut self, end: &str) -> Option<String> {
        loop {
            let found = self.buffer.windows(end.len()).position(|bytes| bytes == end.as_bytes());
            if let Some(start) = found {
                let text = self.take(start + end.len()).await?;
                return Some(String::from_utf8(text).unwrap());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    async fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < count {
            if !self.more().await {
                return None;
            }
        }
        let rest = self.buffer.split_off(count);
        Some(std::mem::replace(&mut self.buffer, rest))
    }

    /// Reads what is there; false at the end, however it comes.
    async fn more(&mut self) -> bool {
        let read = self.stream.read_buf(&mut self.buffer);
        within("bytes from the server", read).await.is_ok_and(|count| count > 0)
    }
}
