//! An HTTP server for any actix-web application that hands WebSocket connections over to their
//! sessions.
//!
//! The server consists of the same parts as actix-web's `HttpServer`, with one difference: after a
//! 101, the connection of an upgrade request leaves HTTP. The same routes and middleware answer the
//! request. The session then owns the socket, without HTTP's buffers.

mod running;
mod upgrade;
mod worker;

use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use actix_http::body::MessageBody;
use actix_http::{Request, RequestHead, Response};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, fn_factory};
use actix_web::Error;
use actix_web::dev::AppConfig;
use socket2::{Domain, Protocol, Socket, Type};

pub use self::running::{ConnectionCount, Door, Running};
use self::worker::{Expect, Times, worker};
use crate::limits::unless_zero;
pub use crate::transport::ConnectionStats;
use crate::transport::{Budget, Connections, Count};

/// The backlog of the listener: after a restart, all clients reconnect at once.
const BACKLOG: i32 = 4096;

/// The kernel's send buffer per connection, in bytes; the kernel doubles it.
const SEND_BUFFER: usize = 128 * 1024;

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
    max_connections_per_address: usize,
    count_under: Count,
    max_unread: usize,
    request_timeout: Option<Duration>,
    keep_alive: Duration,
    expect: Option<Expect>,
    silence: Duration,
    grace: Duration,
}

impl<F> Server<F> {
    /// Listens on the first of these addresses that is available. `factory` returns the application
    /// for each worker.
    pub fn bind(address: impl ToSocketAddrs, factory: F) -> io::Result<Server<F>> {
        Ok(Server::listen(bind(address)?, factory))
    }

    /// Takes connections from `listener`, which [`bind`] returns. This way an application finds out
    /// that its address is in use before it starts anything else.
    pub fn listen(listener: TcpListener, factory: F) -> Server<F> {
        Server {
            listener,
            factory,
            workers: std::thread::available_parallelism().map_or(1, Into::into),
            max_connections: 25_000,
            max_connections_per_address: 500,
            count_under: Arc::new(Some),
            max_unread: 64 * 1024 * 1024,
            request_timeout: Some(Duration::from_secs(30)),
            keep_alive: Duration::from_secs(75),
            expect: None,
            silence: Duration::from_secs(60),
            grace: Duration::from_secs(10),
        }
    }

    /// Sets the number of worker threads; one per core by default.
    pub fn workers(self, workers: usize) -> Server<F> {
        Server { workers: workers.max(1), ..self }
    }

    /// Sets the limit of open connections, including sockets; 25,000 by default, 0 means no limit.
    /// Above it, new ones get 503.
    pub fn max_connections(self, max_connections: usize) -> Server<F> {
        Server { max_connections: unless_zero(max_connections), ..self }
    }

    /// Sets the limit of open connections of one IPv4 address or IPv6 /64; 500 by default, 0
    /// means no limit. Above it, new ones get 429. Loopback does not count.
    pub fn max_connections_per_address(self, max_connections_per_address: usize) -> Server<F> {
        let max_connections_per_address = unless_zero(max_connections_per_address);
        Server { max_connections_per_address, ..self }
    }

    /// Sets the address under which a peer's connections count; the peer's own by default. Return
    /// `None` for a peer whose connections must not count, such as a proxy that many clients share.
    pub fn count_under(
        self,
        count_under: impl Fn(IpAddr) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Server<F> {
        Server { count_under: Arc::new(count_under), ..self }
    }

    /// Sets the limit of bytes that the server keeps of all request heads together; 64 MiB by
    /// default, 0 means no limit. The bytes of a head count until its response is complete; the
    /// first 16 KiB of each connection do not count. Above the limit, clients wait, at most until
    /// their request times out. Bodies do not count: they wait in the kernel until a handler reads
    /// them.
    pub fn max_unread(self, max_unread: usize) -> Server<F> {
        Server { max_unread: unless_zero(max_unread), ..self }
    }

    /// Sets the timeout for receiving a request's head, for a body that no handler reads, and for a
    /// response that the client does not read; 30 seconds by default. `None` means no timeout.
    pub fn request_timeout(self, request_timeout: Option<Duration>) -> Server<F> {
        Server { request_timeout, ..self }
    }

    /// Sets how long a connection may be idle between two requests; 75 seconds by default, and at
    /// least the timeout of a request.
    pub fn keep_alive(self, keep_alive: Duration) -> Server<F> {
        Server { keep_alive, ..self }
    }

    /// Sets a check for requests whose clients wait for `100 Continue` before they send the body.
    /// If it returns an error, the error is the response and the server does not ask for the body.
    /// By default the server asks for every body.
    pub fn expect(
        self,
        check: impl Fn(&RequestHead) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Server<F> {
        Server { expect: Some(Arc::new(check)), ..self }
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
    /// Panics outside an actix `System`, like starting any actix server.
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
        let (per_address, expect) = (self.max_connections_per_address, self.expect);
        let address = listener.local_addr()?;
        let door = listener.try_clone()?;
        let builder = actix_server::Server::build()
            .workers(workers)
            .shutdown_timeout(grace.as_secs_f64().ceil() as u64)
            .disable_signals()
            // One more, because a refused connection is open for a moment.
            .max_concurrent_connections((max_connections / workers).saturating_add(1));
        let connections = Connections::new(max_connections, per_address, self.count_under);
        let counted = connections.clone();
        let unread = Budget::new(self.max_unread);
        let stopping = builder.graceful_shutdown_signal();
        let times =
            Times { request: self.request_timeout, idle: self.keep_alive, silence: self.silence };
        let server = builder.listen("http", listener, move || {
            let (factory, connections) = (factory.clone(), connections.clone());
            let (unread, stopping, expect) = (unread.clone(), stopping.clone(), expect.clone());
            fn_factory(move || {
                let (factory, connections) = (factory.clone(), connections.clone());
                let (unread, stopping) = (unread.clone(), stopping.clone());
                worker(factory, connections, unread, stopping, times, expect.clone())
            })
        })?;
        Ok(Running::new(server.run(), door, address, grace, counted))
    }
}

/// Listens on the first of these addresses that is available, for [`Server::listen`].
pub fn bind(address: impl ToSocketAddrs) -> io::Result<TcpListener> {
    let mut last = io::ErrorKind::AddrNotAvailable.into();
    for address in address.to_socket_addrs()? {
        match bind_to(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn bind_to(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    // Accepted connections inherit the size.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
