//! The smallest clients that do: HTTP/1.1 on one connection, and a WebSocket that only listens.

use std::io;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

pub(super) struct Client {
    stream: BufReader<TcpStream>,
    port: u16,
}

impl Client {
    pub(super) async fn connect(port: u16) -> Client {
        Client::try_connect(port).await.unwrap()
    }

    pub(super) async fn try_connect(port: u16) -> io::Result<Client> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Client { stream: BufReader::new(stream), port })
    }

    pub(super) async fn get(&mut self, path: &str) -> (u16, Vec<u8>) {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", self.port)).await
    }

    pub(super) async fn post(&mut self, path: &str, body: &Value) -> (u16, Vec<u8>) {
        let (body, port) = (body.to_string(), self.port);
        self.send(&format!(
            "POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await
    }

    async fn send(&mut self, request: &str) -> (u16, Vec<u8>) {
        self.stream.get_mut().write_all(request.as_bytes()).await.unwrap();
        let (status, length) = head(&mut self.stream).await;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        (status, body)
    }
}

/// Reads an answer's head: its status and the length of its body.
async fn head(stream: &mut BufReader<TcpStream>) -> (u16, usize) {
    let (mut status, mut length) = (0, 0);
    let mut line = String::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await.unwrap();
        let text = line.trim_end();
        if text.is_empty() {
            return (status, length);
        }
        if status == 0 {
            status = text.split(' ').nth(1).unwrap().parse().unwrap();
        } else if let Some((name, value)) = text.split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.parse().unwrap();
        }
    }
}

pub(super) struct Socket {
    stream: BufReader<TcpStream>,
}

impl Socket {
    pub(super) async fn connect(port: u16, path: &str) -> Socket {
        let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.get_mut().write_all(request.as_bytes()).await.unwrap();
        assert_eq!(head(&mut stream).await.0, 101);
        Socket { stream }
    }

    /// The next text frame; pings are passed over.
    pub(super) async fn next(&mut self) -> String {
        loop {
            let first = self.stream.read_u8().await.unwrap();
            let length = match self.stream.read_u8().await.unwrap() {
                126 => self.stream.read_u16().await.unwrap().into(),
                127 => self.stream.read_u64().await.unwrap(),
                short => short.into(),
            };
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            self.stream.read_exact(&mut payload).await.unwrap();
            match first {
                0x81 => return String::from_utf8(payload).unwrap(),
                0x89 => {}
                other => panic!("frame {other:#x}"),
            }
        }
    }
}
