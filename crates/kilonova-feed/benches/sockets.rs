//! Memory of an idle socket under actix-web's `HttpServer` and under `kilonova_feed::Server`.
//!
//!     cargo bench -p kilonova-feed --bench sockets
//!
//! Each line is a separate process, which opens the sockets to itself over loopback. The clients'
//! memory is in the kernel, so the growth of the resident set is the server's.

use std::convert::Infallible;
use std::error::Error;
use std::io::{Read, Write, stdout};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use actix_web::web::{Data, Payload, get};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use kilonova_feed::pubsub::{Channel, PubSub};
use kilonova_feed::{Feed, Log, LogState, Page, Server};

/// The number of measured sockets.
const SOCKETS: usize = 2_000;

/// The number of sockets opened first, so that one-time costs are not counted.
const WARM_UP: usize = 200;

/// How long the server may settle before each measurement of its memory.
const SETTLE: Duration = Duration::from_secs(2);

const WEBSOCKET: &str = "GET /live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

const SSE: &str = "GET /live HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n";

/// An empty log.
struct Quiet;

impl Log for Quiet {
    type Viewer = ();
    type Error = Infallible;

    async fn state(&self) -> Result<LogState, Infallible> {
        Ok(LogState { id: "quiet".into(), oldest: 1, position: 0 })
    }

    async fn after(&self, _: i64, _: Option<&[Channel]>, _: usize) -> Result<Page, Infallible> {
        Ok(Page::new(self.state().await?, Vec::new(), false))
    }
}

type Any = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Any> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, server, wire] = &arguments[..]
        && server != "--bench"
    {
        return measure(server == "Server", if wire == "SSE" { SSE } else { WEBSOCKET });
    }
    for server in ["HttpServer", "Server"] {
        for wire in ["WebSocket", "SSE"] {
            write!(stdout(), "{server:<10} {wire:<9} ")?;
            stdout().flush()?;
            // Both ends of each socket count against this process's limit.
            let raised = "ulimit -n 8192 && exec \"$0\" \"$@\"";
            let words = ["-c", raised, &arguments[0], server, wire];
            if !Command::new("sh").args(words).status()?.success() {
                return Err("the measurement failed".into());
            }
        }
    }
    Ok(())
}

fn measure(hands_over: bool, request: &'static str) -> Result<(), Any> {
    actix_web::rt::System::new().block_on(async move {
        let feed = Feed::start(PubSub::start("bench"), Quiet).await?;
        let data = Data::new(feed);
        let app = move || App::new().app_data(data.clone()).route("/live", get().to(live));
        let address = if hands_over {
            let running = Server::bind("127.0.0.1:0", app)?.workers(1).run()?;
            let address = running.address();
            actix_web::rt::spawn(running);
            address
        } else {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            let address = listener.local_addr()?;
            actix_web::rt::spawn(HttpServer::new(app).workers(1).listen(listener)?.run());
            address
        };
        let client = move || -> Result<f64, Any> {
            let _first = open(address, request, WARM_UP)?;
            let before = resident()?;
            let _sockets = open(address, request, SOCKETS)?;
            Ok((resident()? - before) / SOCKETS as f64)
        };
        let kilobytes = actix_web::web::block(client).await??;
        writeln!(stdout(), "{kilobytes:.1} KB")?;
        Ok(())
    })
}

async fn live(
    feed: Data<Feed<Quiet>>,
    request: HttpRequest,
    body: Payload,
) -> actix_web::Result<HttpResponse> {
    Ok(feed.serve(&request, body, ["quiet"], ()).await?)
}

/// Opens sockets, reads the head of each response, and waits until the server has settled.
fn open(address: SocketAddr, request: &str, count: usize) -> Result<Vec<TcpStream>, Any> {
    let mut sockets = Vec::with_capacity(count);
    for _ in 0..count {
        let mut socket = TcpStream::connect(address)?;
        socket.write_all(request.as_bytes())?;
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            socket.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        if !head.starts_with(b"HTTP/1.1 101") && !head.starts_with(b"HTTP/1.1 200") {
            return Err(String::from_utf8_lossy(&head).into());
        }
        sockets.push(socket);
    }
    std::thread::sleep(SETTLE);
    Ok(sockets)
}

/// The resident memory of this process, in kilobytes.
fn resident() -> Result<f64, Any> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmRSS")?;
    Ok(kilobytes.parse()?)
}
