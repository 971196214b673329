//! The HTTP server: takes connections in, hands requests to the application, and hands connections
//! that become WebSockets to their sessions.
//!
//! This is actix-web's own `HttpServer`, put together anew from its parts for one difference: a
//! request for an upgrade, answered by the same routes and middleware as any other, gives its
//! connection away after a 101. The session then owns the socket, and nothing of HTTP is left of it.

use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use actix_codec::{Framed, FramedParts};
use actix_http::body::{self, BodySize, BoxBody, MessageBody};
use actix_http::error::DispatchError;
use actix_http::h1::{Codec, Message};
use actix_http::{
    ConnectionType, HttpMessage, HttpService, Protocol, Request, Response, StatusCode,
};
use actix_server::{GracefulShutdownSignal, Server};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, fn_factory, fn_service, map_config,
};
use actix_web::dev::{AppConfig, ServiceResponse};
use actix_web::rt::net::TcpStream;
use actix_web::web::Data;
use bytes::Bytes;
use socket2::{Domain, Protocol as IpProtocol, SockRef, Socket, Type};
use tokio::io::AsyncWriteExt;

use crate::config::Config;
use crate::error::AppError;
use crate::events::pace::Pace;
use crate::router;
use crate::state::State;
use crate::transport::{Connection, Connections, Upgradable, Upgrade};

/// Connections that wait to be taken in, as after a restart, when everyone comes back at once.
const BACKLOG: i32 = 4096;

/// What the kernel may hold for a client that reads slowly, in bytes; it counts twice that.
const SEND_BUFFER: usize = 128 * 1024;

/// How long an idle connection is kept for another request.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long the answer to a request for an upgrade may take.
const ANSWER: Duration = Duration::from_secs(30);

/// How long the end of a connection may take.
const DISCONNECT: Duration = Duration::from_secs(1);

/// Where connections come in. The server only stops to take them; this refuses them.
pub(crate) struct Door(TcpListener);

impl Door {
    /// The port, which is another one when 0 was asked for.
    pub(crate) fn port(&self) -> io::Result<u16> {
        Ok(self.0.local_addr()?.port())
    }

    /// Refuses whoever comes from now on, so that they try elsewhere at once, and do not wait for nothing.
    pub(crate) fn shut(&self) {
        if let Err(error) = SockRef::from(&self.0).shutdown(Shutdown::Both) {
            log::debug!("connections are not refused, but will not be taken: {error}");
        }
    }
}

/// Binds the address and prepares the workers.
pub(crate) fn listen(state: &Data<State>, pace: &Pace) -> io::Result<(Server, Door)> {
    let Config { bind, workers, grace, max_connections, .. } = &state.config;
    let listener = bind_to(*bind)?;
    let door = Door(listener.try_clone()?);
    let builder =
        Server::build().workers(*workers).shutdown_timeout(grace.as_secs()).disable_signals();
    // Those that are to be refused are taken in for a moment.
    let builder = builder.max_concurrent_connections((max_connections / workers).saturating_add(1));
    let connections = Connections::new(*max_connections);
    let stopping = builder.graceful_shutdown_signal();
    let (state, pace) = (Data::clone(state), pace.clone());
    let server = builder.listen("http", listener, move || {
        let (state, stopping) = (Data::clone(&state), stopping.clone());
        let (connections, pace) = (connections.clone(), pace.clone());
        fn_factory(move || {
            pace.attend();
            worker(Data::clone(&state), connections.clone(), stopping.clone())
        })
    })?;
    Ok((server.run(), door))
}

fn bind_to(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(IpProtocol::TCP))?;
    socket.set_reuse_address(true)?;
    // Each connection inherits it.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// What one worker does with each connection.
async fn worker(
    state: Data<State>,
    connections: Connections,
    stopping: GracefulShutdownSignal,
) -> Result<impl Service<TcpStream, Response = (), Error = DispatchError>, ()> {
    let patience = state.config.request_timeout;
    let silence = state.config.heartbeat.silence;
    let site = map_config(router::site(state).into_factory(), |()| AppConfig::default());
    let site = Rc::new(site.new_service(()).await?);
    let upgrading = Rc::clone(&site);
    let requests = fn_service(move |request: Request| {
        let answer = site.call(request);
        async move { answer.await.map_err(|error| error.error_response()) }
    });
    let upgrades =
        fn_service(move |(request, framed)| upgrade(Rc::clone(&upgrading), request, framed));
    let http = HttpService::build()
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(patience.unwrap_or(Duration::ZERO))
        .client_disconnect_timeout(DISCONNECT)
        .graceful_shutdown_signal(move || {
            let stopping = stopping.clone();
            async move { stopping.notified().await }
        })
        .on_connect_ext(|connection: &Connection, data| {
            data.insert(connection.stall());
        })
        .upgrade(upgrades)
        .finish(requests)
        .new_service(())
        .await?;
    let http = Rc::new(http);
    Ok(fn_service(move |stream: TcpStream| {
        let serving = match connections.enter() {
            Some((held, gone)) => {
                let peer = stream.peer_addr().ok();
                prepare(&stream, silence);
                Some(((Connection::new(stream, held, patience), Protocol::Http1, peer), gone))
            }
            None => {
                refuse(&stream);
                None
            }
        };
        let http = Rc::clone(&http);
        async move {
            let Some((connection, gone)) = serving else { return Ok(()) };
            // Boxed, so that what HTTP needed is given back when the connection leaves it.
            let served = Box::pin(http.call(connection)).await;
            // Until then it counts as the worker's, which must not take in more than it may.
            drop(gone.await);
            served
        }
    }))
}

/// Says that there is no room for another connection, where the client's request is here already
/// or its end is still open, and hangs up.
fn refuse(stream: &TcpStream) {
    const ANSWER: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n\
        Connection: close\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n\
        {\"error\":\"too many connections: try again later\"}\n";
    // What is left unread would make the end a reset, which can overtake the answer.
    let socket = SockRef::from(stream);
    drop((&*socket).read(&mut [0; 4096]));
    if let Err(error) = (&*socket).write(ANSWER) {
        log::debug!("a connection is refused without a word: {error}");
    }
}

/// A frame goes out when it is written, and a connection whose peer has vanished ends.
fn prepare(stream: &TcpStream, silence: Duration) {
    if let Err(error) = stream.set_nodelay(true) {
        log::debug!("a connection gathers what is written: {error}");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(silence)) {
        log::debug!("a connection has no timeout of its own: {error}");
    }
}

/// Answers a request for an upgrade, and hands the connection over when the answer is 101.
async fn upgrade<S, B>(
    site: Rc<S>,
    request: Request,
    framed: Framed<Connection, Codec>,
) -> Result<(), actix_web::Error>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody + 'static,
{
    request.extensions_mut().insert(Upgradable);
    let mut response: Response<BoxBody> = match site.call(request).await {
        Ok(response) => response.into_parts().1.map_into_boxed_body().into(),
        Err(error) => error.error_response().into(),
    };
    let upgrade = response.extensions_mut().remove::<Upgrade>();
    if upgrade.is_none() {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    // Whole, as what answers such a request is: a refusal, or a page.
    let (head, body) = response.into_parts();
    let body = body::to_bytes(body).await.map_err(|error| AppError::internal(error.to_string()))?;
    let answered = tokio::time::timeout(ANSWER, answer(framed, head, body)).await;
    match answered.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(parts) => match upgrade {
            Some(upgrade) => upgrade.run(parts.io, parts.read_buf),
            None => {
                let mut connection = parts.io;
                connection.shutdown().await.unwrap_or_else(hung_up);
            }
        },
        Err(error) => hung_up(error),
    }
    Ok(())
}

/// Writes an answer to the end.
async fn answer(
    mut framed: Framed<Connection, Codec>,
    head: Response<()>,
    body: Bytes,
) -> io::Result<FramedParts<Connection, Codec>> {
    let size = match head.status() {
        StatusCode::SWITCHING_PROTOCOLS => BodySize::None,
        _ => BodySize::Sized(body.len() as u64),
    };
    let mut writing = Pin::new(&mut framed);
    writing.as_mut().write(Message::Item((head, size)))?;
    if size != BodySize::None {
        if !body.is_empty() {
            writing.as_mut().write(Message::Chunk(Some(body)))?;
        }
        writing.as_mut().write(Message::Chunk(None))?;
    }
    poll_fn(|cx| writing.as_mut().flush(cx)).await?;
    Ok(framed.into_parts())
}

/// A client that leaves in the middle of a handshake is nobody's fault.
fn hung_up(error: io::Error) {
    log::debug!("a client left before it had its answer: {error}");
}
