//! One worker of the server. Owns what happens to a connection before its first request.

use std::fmt::Debug;
use std::io::{Read, Write};
use std::rc::Rc;
use std::time::Duration;

use actix_http::body::MessageBody;
use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol, Request, Response};
use actix_server::GracefulShutdownSignal;
use actix_service::{IntoServiceFactory, Service, ServiceFactory, fn_service, map_config};
use actix_web::Error;
use actix_web::dev::AppConfig;
use actix_web::rt::net::TcpStream;
use socket2::SockRef;

use super::upgrade::{refused, upgrade};
use crate::transport::{Connection, Connections};

/// The timeout of an idle connection.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// The timeout of closing a connection.
const DISCONNECT: Duration = Duration::from_secs(1);

/// The timeouts of clients.
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub(super) request: Option<Duration>,
    pub(super) silence: Duration,
}

/// The service of one worker: serves each connection.
pub(super) async fn worker<F, I, S, B>(
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
