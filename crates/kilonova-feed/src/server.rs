//! An HTTP server for any actix-web application that hands WebSocket connections over to their
//! sessions.
//!
//! The server consists of the same parts as actix-web's `HttpServer`, with one difference: after a
//! 101, the connection of an upgrade request leaves HTTP. The same routes and middleware answer the
//! request. The session then owns the socket, without HTTP's buffers.

use std::fmt::Debug;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, ToSocketAddrs};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_codec::{Framed, FramedParts};
use actix_http::body::{self, BodySize, BoxBody, MessageBody};
use actix_http::error::DispatchError;
use actix_http::h1::{Codec, Message};
use actix_http::{
    ConnectionType, HttpMessage, HttpService, Protocol, Request, Response, StatusCode,
};
use actix_server::{GracefulShutdownSignal, ServerHandle};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, fn_factory, fn_service, map_config,
};
use actix_web::Error;
use actix_web::dev::AppConfig;
use actix_web::rt::net::TcpStream;
use bytes::Bytes;
use socket2::{Domain, Protocol as IpProtocol, SockRef, Socket, Type};
use tokio::io::AsyncWriteExt;

use crate::Sockets;
use crate::transport::{Connection, Connections, Upgradable, Upgrade};

/// The backlog of the listener: after a restart, all clients reconnect at once.
const BACKLOG: i32 = 4096;

/// The kernel's send buffer per connection, in bytes; the kernel doubles it.
const SEND_BUFFER: usize = 128 * 1024;

/// The timeout of an idle connection.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// The timeout of writing the response to an upgrade request.
const ANSWER: Duration = Duration::from_secs(30);

/// The largest response to an upgrade request, in bytes, unless it is 101.
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;

/// The timeout of closing a connection.
const DISCONNECT: Duration = Duration::from_secs(1);

/// The options of a server before it starts.
///
/// ```no_run
/// # async fn example(feed: kilonova_feed::Feed<impl kilonova_feed::Log>) -> std::io::Result<()> {
/// use actix_web::App;
/// use kilonova_feed::Server;
///
/// let server = Server::bind("127.0.0.1:8080", || App::new())?.workers(2).run()?;
/// server.until_stopped(feed.sockets()).await
/// # }
/// ```
#[must_use = "nothing is served yet"]
pub struct Server<F> {
    listener: TcpListener,
    factory: F,
    workers: usize,
    max_connections: usize,
    request_timeout: Option<Duration>,
    silence: Duration,
    grace: Duration,
}

impl<F> Server<F> {
    /// Listens on the first of these addresses that is available. `factory` returns the application
    /// for each worker.
    pub fn bind(address: impl ToSocketAddrs, factory: F) -> io::Result<Server<F>> {
        let mut last = io::ErrorKind::AddrNotAvailable.into();
        for address in address.to_socket_addrs()? {
            match bind_to(address) {
                Ok(listener) => {
                    return Ok(Server {
                        listener,
                        factory,
                        workers: std::thread::available_parallelism().map_or(1, Into::into),
                        max_connections: 25_000,
                        request_timeout: Some(Duration::from_secs(30)),
                        silence: Duration::from_secs(60),
                        grace: Duration::from_secs(10),
                    });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Sets the number of worker threads; one per core by default.
    pub fn workers(self, workers: usize) -> Server<F> {
        Server { workers: workers.max(1), ..self }
    }

    /// Sets the limit of open connections, including sockets; 25,000 by default. Above it, new ones
    /// get 503.
    pub fn max_connections(self, max_connections: usize) -> Server<F> {
        Server { max_connections, ..self }
    }

    /// Sets the timeout of receiving a request's head, and of a response that the client does not
    /// read; 30 seconds by default. `None` means no timeout.
    pub fn request_timeout(self, request_timeout: Option<Duration>) -> Server<F> {
        Server { request_timeout, ..self }
    }

    /// Sets the time after which the kernel closes a connection whose peer does not acknowledge
    /// sent data; a minute by default. Linux only.
    pub fn silence(self, silence: Duration) -> Server<F> {
        Server { silence, ..self }
    }

    /// Sets the timeout of a graceful stop, from the first signal on; 10 seconds by default.
    pub fn grace(self, grace: Duration) -> Server<F> {
        Server { grace, ..self }
    }

    /// Starts the workers.
    ///
    /// # Panics
    ///
    /// Outside of an actix `System`, as starting any actix server does.
    pub fn run<I, S, B>(self) -> io::Result<Running>
    where
        F: Fn() -> I + Send + Clone + 'static,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig> + 'static,
        S::Error: Into<Error> + 'static,
        S::InitError: Debug,
        S::Response: Into<Response<B>> + 'static,
        S::Service: 'static,
        <S::Service as Service<Request>>::Future: 'static,
        B: MessageBody + 'static,
    {
        let Server { listener, factory, workers, max_connections, grace, .. } = self;
        let address = listener.local_addr()?;
        let door = listener.try_clone()?;
        let builder = actix_server::Server::build()
            .workers(workers)
            .shutdown_timeout(grace.as_secs())
            .disable_signals()
            // A refused connection is open for a moment.
            .max_concurrent_connections((max_connections / workers).saturating_add(1));
        let connections = Connections::new(max_connections);
        let stopping = builder.graceful_shutdown_signal();
        let times = Times { request: self.request_timeout, silence: self.silence };
        let server = builder.listen("http", listener, move || {
            let (factory, connections) = (factory.clone(), connections.clone());
            let stopping = stopping.clone();
            fn_factory(move || {
                worker(factory.clone(), connections.clone(), stopping.clone(), times)
            })
        })?;
        Ok(Running { server: server.run(), door, address, grace })
    }
}

/// A running server: a future that ends when the server does. Only [`Running::until_stopped`]
/// handles signals.
pub struct Running {
    server: actix_server::Server,
    door: TcpListener,
    address: SocketAddr,
    grace: Duration,
}

impl Running {
    /// The address of the listener, with the assigned port if port 0 was requested.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The handle that pauses and stops the server.
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// The door that refuses new connections after the server was paused, so that clients try
    /// another node at once instead of waiting. An error if the listener cannot be cloned.
    pub fn door(&self) -> io::Result<Door> {
        Ok(Door(self.door.try_clone()?))
    }

    /// Serves until SIGTERM or SIGINT. Then it refuses new connections, closes the sockets with
    /// 1001, finishes the running requests, and returns within the timeout of [`Server::grace`].
    pub async fn until_stopped(self, sockets: &Sockets) -> io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let (handle, door, grace) = (self.handle(), self.door()?, self.grace);
        let mut serving = actix_web::rt::spawn(self);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            ended = &mut serving => return ended.map_err(io::Error::other)?,
        }
        // A worker waits for its requests, but not for the sockets that left HTTP.
        handle.pause().await;
        door.shut();
        sockets.close_all();
        if tokio::time::timeout(grace / 2, sockets.all_closed()).await.is_err() {
            log::warn!("{} sockets did not close in time; cutting them", sockets.open());
        }
        if tokio::time::timeout(grace / 2, handle.stop(true)).await.is_err() {
            log::warn!("requests were still running after {grace:?}; cutting them");
            serving.abort();
        }
        Ok(())
    }
}

impl Future for Running {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.server).poll(cx)
    }
}

/// The listener of a server. A paused server leaves new connections waiting; a shut door refuses
/// them.
pub struct Door(TcpListener);

impl Door {
    /// Refuses every connection from now on.
    pub fn shut(&self) {
        if let Err(error) = SockRef::from(&self.0).shutdown(Shutdown::Both) {
            log::debug!("new connections wait instead of being refused: {error}");
        }
    }
}

fn bind_to(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(IpProtocol::TCP))?;
    socket.set_reuse_address(true)?;
    // Accepted connections inherit the size.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The timeouts of clients.
#[derive(Clone, Copy)]
struct Times {
    request: Option<Duration>,
    silence: Duration,
}

/// The service of one worker: serves each connection.
async fn worker<F, I, S, B>(
    factory: F,
    connections: Connections,
    stopping: GracefulShutdownSignal,
    times: Times,
) -> Result<impl Service<TcpStream, Response = (), Error = DispatchError>, ()>
where
    F: Fn() -> I,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: Debug,
    S::Response: Into<Response<B>> + 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let site = map_config(factory().into_factory(), |()| AppConfig::default());
    let site = site.new_service(()).await;
    let site =
        Rc::new(site.map_err(|error| log::error!("the application failed to start: {error:?}"))?);
    let upgrading = Rc::clone(&site);
    let requests = fn_service(move |request: Request| {
        let answer = site.call(request);
        async move {
            match answer.await {
                Ok(response) => Ok(response.into()),
                Err(error) => Err(refused(error)),
            }
        }
    });
    let upgrades =
        fn_service(move |(request, framed)| upgrade(Rc::clone(&upgrading), request, framed));
    let http = HttpService::build()
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(times.request.unwrap_or(Duration::ZERO))
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
                prepare(&stream, times.silence);
                Some(((Connection::new(stream, held, times.request), Protocol::Http1, peer), gone))
            }
            None => {
                refuse(&stream);
                None
            }
        };
        let http = Rc::clone(&http);
        async move {
            let Some((connection, gone)) = serving else { return Ok(()) };
            // Boxed, so that HTTP's memory is freed when the connection leaves it.
            let served = Box::pin(http.call(connection)).await;
            // Until then the connection counts toward the worker's limit.
            drop(gone.await);
            served
        }
    }))
}

/// Refuses a connection above the limit: sends a 503 if the socket takes it at once, and closes.
fn refuse(stream: &TcpStream) {
    const ANSWER: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n\
        Connection: close\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n\
        {\"error\":\"too many connections: try again later\"}\n";
    // Unread input would turn the close into a reset, which can overtake the response.
    let socket = SockRef::from(stream);
    drop((&*socket).read(&mut [0; 4096]));
    if let Err(error) = (&*socket).write(ANSWER) {
        log::debug!("a connection is refused without a response: {error}");
    }
}

/// Disables Nagle's algorithm, and sets the timeout of a vanished peer.
fn prepare(stream: &TcpStream, silence: Duration) {
    if let Err(error) = stream.set_nodelay(true) {
        log::debug!("TCP_NODELAY cannot be set: {error}");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(silence)) {
        log::debug!("TCP_USER_TIMEOUT cannot be set: {error}");
    }
}

/// The response to a request that failed.
fn refused(error: impl Into<Error>) -> Response<BoxBody> {
    error.into().error_response().into()
}

/// Answers an upgrade request, and hands the connection over if the response is 101.
async fn upgrade<S, B>(
    site: Rc<S>,
    request: Request,
    framed: Framed<Connection, Codec>,
) -> Result<(), Error>
where
    S: Service<Request>,
    S::Response: Into<Response<B>>,
    S::Error: Into<Error>,
    B: MessageBody + 'static,
{
    request.extensions_mut().insert(Upgradable);
    let mut response: Response<BoxBody> = match site.call(request).await {
        Ok(response) => response.into().map_into_boxed_body(),
        Err(error) => refused(error).map_into_boxed_body(),
    };
    let upgrade = response.extensions_mut().remove::<Upgrade>();
    if upgrade.is_none() {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    // Buffered: a response other than 101 is an error or a page. One without an end is refused.
    let (head, body) = response.into_parts();
    let answered = tokio::time::timeout(ANSWER, async {
        let body = body::to_bytes_limited(body, LARGEST_ANSWER).await;
        let body = body.map_err(|_| io::Error::other("the response is too large"))?;
        answer(framed, head, body.map_err(|error| io::Error::other(error.to_string()))?).await
    });
    let answered = answered.await;
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

/// Writes the complete response.
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

/// Logs a client that leaves during a handshake, which is no fault of the server.
fn hung_up(error: io::Error) {
    log::debug!("a client left before it got its response: {error}");
}
