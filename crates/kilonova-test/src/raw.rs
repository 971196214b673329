//! A client that sends raw bytes and reads a server's data frame by frame: to misbehave as no
//! proper client would, and to count what a client receives.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// The timeout of each step, longer than any takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection, with the data that was read but not used yet.
pub struct Raw {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// The data in the chunks of an endless response so far.
    said: Vec<u8>,
    address: SocketAddr,
}

/// A response.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// The body, if the response has a `Content-Length`.
    pub body: Vec<u8>,
}

impl Answer {
    /// The headers in their order, with names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The first header with this name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A WebSocket frame that the server sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    /// The opcode of the frame.
    pub opcode: u8,
    /// The payload of the frame.
    pub payload: Vec<u8>,
}

/// The opcodes of unfragmented frames.
pub mod opcode {
    /// A text frame.
    pub const TEXT: u8 = 1;
    /// A close frame.
    pub const CLOSE: u8 = 8;
    /// A ping.
    pub const PING: u8 = 9;
    /// A pong, the reply to a ping.
    pub const PONG: u8 = 10;
}

impl Frame {
    /// The code in a close frame.
    pub fn close_code(&self) -> Option<u16> {
        let code = self.payload.first_chunk::<2>().filter(|_| self.opcode == opcode::CLOSE)?;
        Some(u16::from_be_bytes(*code))
    }
}

/// An unfragmented frame of a client, masked with zeros.
pub fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            frame.push(0xfe);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(0xff);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

impl Raw {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Raw {
        let socket = TcpSocket::new_v4().unwrap();
        // A small buffer, so that little data is in transit to a client that does not read.
        socket.set_recv_buffer_size(64 * 1024).unwrap();
        let stream = within("a connection", socket.connect(address)).await.unwrap();
        Raw { stream, buffer: Vec::new(), said: Vec::new(), address }
    }

    /// Connects and requests a WebSocket. If the status is not 101, returns the response as an
    /// error.
    pub async fn try_upgrade(address: SocketAddr, path: &str) -> Result<Raw, Answer> {
        let headers = [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let mut raw = Raw::connect(address).await;
        let answer = raw.ask("GET", path, &headers, &[]).await;
        if answer.status == 101 { Ok(raw) } else { Err(answer) }
    }

    /// Connects and opens a WebSocket. Panics if the server refuses.
    pub async fn upgrade(address: SocketAddr, path: &str) -> Raw {
        let upgraded = Raw::try_upgrade(address, path).await;
        upgraded.unwrap_or_else(|answer| panic!("no WebSocket: {answer:?}"))
    }

    /// Connects and requests an event stream. If the status is not 200, returns the response as an
    /// error.
    pub async fn try_stream(address: SocketAddr, path: &str) -> Result<Raw, Answer> {
        let mut raw = Raw::connect(address).await;
        let answer = raw.ask("GET", path, &[("Accept", "text/event-stream")], &[]).await;
        if answer.status == 200 { Ok(raw) } else { Err(answer) }
    }

    /// Sends bytes. It is not an error if the server has closed the connection: only its response
    /// matters.
    pub async fn send(&mut self, bytes: &[u8]) {
        drop(within("bytes go out", self.stream.write_all(bytes)).await);
    }

    /// Waits until the server has closed the whole connection and refuses data. `hung_up` waits
    /// only for the end of the server's half.
    pub async fn gone(&mut self) {
        let refused = async {
            while self.stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        within("the connection is closed", refused).await;
    }

    /// Closes the sending half of the connection. Reading stays possible.
    pub async fn finish(&mut self) {
        drop(self.stream.shutdown().await);
    }

    /// Sends a whole request and reads the response.
    pub async fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head += &format!("Host: {}\r\n", self.address);
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

    /// Reads a response; `None` if the server closes the connection without one.
    pub async fn answer(&mut self) -> Option<Answer> {
        let head = self.try_read_until("\r\n\r\n").await?;
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let mut answer = Answer { status, headers, body: Vec::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        answer.body = self.take(length).await.expect("the whole body");
        Some(answer)
    }

    /// Reads the next WebSocket frame; `None` if the server closes the connection.
    pub async fn frame(&mut self) -> Option<Frame> {
        let head = self.take(2).await?;
        let (opcode, length) = (head[0] & 0x0f, usize::from(head[1]));
        assert_eq!(head[0] & 0xf0, 0x80, "the server sends fragments");
        let length = match length {
            126 => usize::from(u16::from_be_bytes(self.take(2).await?.try_into().unwrap())),
            127 => u64::from_be_bytes(self.take(8).await?.try_into().unwrap()).try_into().unwrap(),
            short => short,
        };
        Some(Frame { opcode, payload: self.take(length).await? })
    }

    /// Reads the next block of an event stream, up to its empty line; `None` at the end.
    pub async fn block(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.said.windows(2).position(|bytes| bytes == b"\n\n") {
                let rest = self.said.split_off(end + 2);
                let block = std::mem::replace(&mut self.said, rest);
                return Some(String::from_utf8(block).expect("UTF-8"));
            }
            let chunk = self.chunk().await.filter(|chunk| !chunk.is_empty())?;
            self.said.extend_from_slice(&chunk);
        }
    }

    /// Reads the whole body of a chunked response; `None` if the server closes the connection
    /// before its end.
    pub async fn chunked(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            match self.chunk().await? {
                chunk if chunk.is_empty() => return Some(body),
                chunk => body.extend_from_slice(&chunk),
            }
        }
    }

    /// Reads the next chunk of a response; the last one is empty.
    async fn chunk(&mut self) -> Option<Vec<u8>> {
        let size = self.try_read_until("\r\n").await?;
        let size = usize::from_str_radix(size.trim(), 16).expect("the size of a chunk");
        let mut chunk = self.take(size + 2).await?;
        chunk.truncate(size);
        Some(chunk)
    }

    /// Reads the head of a response without a `Content-Length`.
    pub async fn head(&mut self) -> Answer {
        self.answer().await.expect("an answer")
    }

    /// Reads everything up to the end of the connection.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.more().await {}
        std::mem::take(&mut self.buffer)
    }

    /// The complete blocks of an event stream in the data that [`Raw::is_closed`] has read.
    pub fn blocks_so_far(&mut self) -> Vec<String> {
        let mut blocks = Vec::new();
        // The earlier data contains no end of a block.
        let mut looked_at = self.said.len().saturating_sub(1);
        while let Some(chunk) = self.chunk_so_far() {
            self.said.extend_from_slice(&chunk);
        }
        let is_end = |bytes: &[u8]| bytes == b"\n\n";
        while let Some(end) = self.said[looked_at..].windows(2).position(is_end) {
            let rest = self.said.split_off(looked_at + end + 2);
            let block = std::mem::replace(&mut self.said, rest);
            blocks.push(String::from_utf8(block).expect("UTF-8"));
            looked_at = 0;
        }
        blocks
    }

    /// The next chunk of a response, if it has arrived completely.
    fn chunk_so_far(&mut self) -> Option<Vec<u8>> {
        let line = self.buffer.windows(2).position(|bytes| bytes == b"\r\n")?;
        let size = str::from_utf8(&self.buffer[..line]).expect("ASCII");
        let size = usize::from_str_radix(size, 16).expect("the size of a chunk");
        let end = line + 2 + size + 2;
        if self.buffer.len() < end {
            return None;
        }
        let rest = self.buffer.split_off(end);
        let chunk = std::mem::replace(&mut self.buffer, rest);
        Some(chunk[line + 2..line + 2 + size].to_vec())
    }

    /// Returns true if the server is known to have closed the connection. Does not wait.
    pub async fn is_closed(&mut self) -> bool {
        let mut bytes = [0; 4096];
        match self.stream.try_read(&mut bytes) {
            Ok(0) => true,
            Ok(count) => {
                self.buffer.extend_from_slice(&bytes[..count]);
                false
            }
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        }
    }

    /// Waits for the server to close its half of the connection, and discards the data before that.
    pub async fn hung_up(&mut self) {
        while self.more().await {
            self.buffer.clear();
        }
    }

    /// Reads up to and including `end`. Panics if the server closes the connection before.
    pub async fn read_until(&mut self, end: &str) -> String {
        self.try_read_until(end).await.expect("the server closes the connection")
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

    /// Reads more data. Returns false at the end of the connection or on an error.
    async fn more(&mut self) -> bool {
        let read = self.stream.read_buf(&mut self.buffer);
        within("bytes from the server", read).await.is_ok_and(|count| count > 0)
    }
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("timed out after {PATIENCE:?}: {what}"),
    }
}
