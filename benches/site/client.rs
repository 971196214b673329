//! Minimal clients: HTTP/1.1 on one connection, and a WebSocket that only listens.

use std::io;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

pub(super) struct Client {
    stream: BufReader<TcpStream>,
    port: u16,
    /// The sign-in cookie that the last response set.
    cookie: Option<String>,
}

impl Client {
    pub(super) async fn connect(port: u16) -> Client {
        Client::try_connect(port).await.unwrap()
    }

    pub(super) async fn try_connect(port: u16) -> io::Result<Client> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Client { stream: BufReader::new(stream), port, cookie: None })
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

    pub(super) async fn patch(&mut self, path: &str, body: &Value) -> (u16, Vec<u8>) {
        self.write_as("PATCH", path, body, "").await
    }

    /// Sends a POST as a signed-in browser.
    pub(super) async fn post_as(
        &mut self,
        path: &str,
        body: &Value,
        cookie: &str,
    ) -> (u16, Vec<u8>) {
        self.write_as("POST", path, body, cookie).await
    }

    /// Sends a PATCH as a signed-in browser.
    pub(super) async fn patch_as(
        &mut self,
        path: &str,
        body: &Value,
        cookie: &str,
    ) -> (u16, Vec<u8>) {
        self.write_as("PATCH", path, body, cookie).await
    }

    async fn write_as(
        &mut self,
        method: &str,
        path: &str,
        body: &Value,
        cookie: &str,
    ) -> (u16, Vec<u8>) {
        let (body, port) = (body.to_string(), self.port);
        self.send(&format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nCookie: {cookie}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await
    }

    /// Signs in and returns the cookie.
    pub(super) async fn sign_in(&mut self, username: &str, password: &str) -> String {
        let fields = json!({"username": username, "password": password});
        assert_eq!(self.post("/api/session", &fields).await.0, 201);
        self.cookie.clone().unwrap()
    }

    /// Sends a request without a body as a signed-in browser.
    pub(super) async fn signed_in(
        &mut self,
        method: &str,
        path: &str,
        cookie: &str,
    ) -> (u16, Vec<u8>) {
        let port = self.port;
        self.send(&format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nCookie: {cookie}\r\n\r\n"
        ))
        .await
    }

    async fn send(&mut self, request: &str) -> (u16, Vec<u8>) {
        self.stream.get_mut().write_all(request.as_bytes()).await.unwrap();
        let Head { status, length, cookie } = head(&mut self.stream).await;
        self.cookie = cookie;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.unwrap();
        (status, body)
    }
}

/// The head of a response.
#[derive(Default)]
struct Head {
    status: u16,
    /// The length of the body.
    length: usize,
    /// The sign-in cookie that it sets.
    cookie: Option<String>,
}

async fn head(stream: &mut BufReader<TcpStream>) -> Head {
    try_head(stream).await.unwrap()
}

async fn try_head(stream: &mut BufReader<TcpStream>) -> io::Result<Head> {
    let mut head = Head::default();
    let mut line = String::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let text = line.trim_end();
        if text.is_empty() {
            return Ok(head);
        }
        if head.status == 0 {
            head.status = text.split(' ').nth(1).unwrap().parse().unwrap();
            continue;
        }
        let Some((name, value)) = text.split_once(": ") else { continue };
        if name.eq_ignore_ascii_case("content-length") {
            head.length = value.parse().unwrap();
        } else if name.eq_ignore_ascii_case("set-cookie") && value.starts_with("kilonova_session") {
            head.cookie = value.split(';').next().map(str::to_owned);
        }
    }
}

pub(super) struct Socket {
    stream: BufReader<TcpStream>,
}

impl Socket {
    pub(super) async fn connect(port: u16, path: &str) -> Socket {
        Socket::connect_as(port, path, "").await
    }

    /// Opens a socket for a browser with this cookie.
    pub(super) async fn connect_as(port: u16, path: &str, cookie: &str) -> Socket {
        Socket::try_connect_as(port, path, cookie).await.unwrap().unwrap()
    }

    /// Opens a socket; `None` if it is refused.
    pub(super) async fn try_connect(port: u16, path: &str) -> io::Result<Option<Socket>> {
        Socket::try_connect_as(port, path, "").await
    }

    async fn try_connect_as(port: u16, path: &str, cookie: &str) -> io::Result<Option<Socket>> {
        let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", port)).await?);
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nCookie: {cookie}\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.get_mut().write_all(request.as_bytes()).await?;
        let status = try_head(&mut stream).await?.status;
        Ok((status == 101).then_some(Socket { stream }))
    }

    /// Returns the next text frame, or the code of the close frame. Skips pings.
    pub(super) async fn next_or_close(&mut self) -> Result<String, u16> {
        loop {
            match self.frame().await {
                (0x81, payload) => return Ok(String::from_utf8(payload).unwrap()),
                (0x88, payload) => {
                    return Err(u16::from_be_bytes(payload[..2].try_into().unwrap()));
                }
                (0x89, _) => {}
                (other, _) => panic!("frame {other:#x}"),
            }
        }
    }

    /// Returns the next text frame. Skips pings.
    pub(super) async fn next(&mut self) -> String {
        loop {
            match self.frame().await {
                (0x81, payload) => return String::from_utf8(payload).unwrap(),
                (0x89, _) => {}
                (other, _) => panic!("frame {other:#x}"),
            }
        }
    }

    /// Returns the code of the close frame. Skips all frames before it.
    pub(super) async fn close_code(&mut self) -> u16 {
        loop {
            if let (0x88, payload) = self.frame().await {
                return u16::from_be_bytes(payload[..2].try_into().unwrap());
            }
        }
    }

    /// Returns the first byte of a frame, and its payload.
    async fn frame(&mut self) -> (u8, Vec<u8>) {
        let first = self.stream.read_u8().await.unwrap();
        let length = match self.stream.read_u8().await.unwrap() {
            126 => self.stream.read_u16().await.unwrap().into(),
            127 => self.stream.read_u64().await.unwrap(),
            short => short.into(),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut payload).await.unwrap();
        (first, payload)
    }
}
