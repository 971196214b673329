//! One worker of the server. Owns a connection until its first request.

use std::fmt::Debug;
use std::future::{poll_fn, ready};
use std::io::{Read, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_http::error::DispatchError;
use actix_http::{
    ConnectionType, HttpService, Protocol, Request, RequestHead, Response, ResponseHead, Version,
};
use actix_server::GracefulShutdownSignal;
use actix_service::{IntoServiceFactory, Service, ServiceFactory, fn_service, map_config};
use actix_web::Error;
use actix_web::dev::AppConfig;
use actix_web::rt::net::TcpStream;
use socket2::SockRef;

use super::upgrade::{refused, upgrade};
use crate::transport::{
    Activity, Answered, Awaited, Budget, Connection, Connections, Deadlines, TooMany, refusal,
};

/// The timeout of closing a connection.
const DISCONNECT: Duration = Duration::from_secs(1);

/// The check of a request whose client waits before it sends the body.
pub(super) type Expect = Arc<dyn Fn(&RequestHead) -> Result<(), Error> + Send + Sync>;

/// The timeouts of clients.
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub(super) request: Option<Duration>,
    pub(super) idle: Duration,
    pub(super) silence: Duration,
}

/// The service of one worker: serves each connection.
pub(super) async fn worker<F, I, S, B>(
    factory: F,
    connections: Connections,
    unread: Budget,
    stopping: GracefulShutdownSignal,
    times: Times,
    expect: Option<Expect>,
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
    let requests = fn_service(move |mut request: Request| {
        let activity = request.conn_data::<Activity>().cloned();
        let answering = activity.as_ref().map(Activity::answer);
        if let Some(activity) = &activity {
            let body = request.take_payload();
            *request.payload() = Awaited::observe(body, activity);
        }
        let (version, asked) = (request.version(), request.head().connection_type());
        let site = Rc::clone(&site);
        async move {
            if let Some(activity) = &activity {
                poll_fn(|cx| activity.poll_flushed(cx)).await;
            }
            let mut response: Response<EitherBody<B>> = match site.call(request).await {
                Ok(response) => response.into().map_body(|_, body| EitherBody::left(body)),
                Err(error) => refused(error).map_body(|_, body| EitherBody::right(body)),
            };
            if let Some(activity) = &activity {
                // HTTP takes a body of unknown size in parts, so it counts as zero.
                let size = match response.body().size() {
                    BodySize::Sized(size) => usize::try_from(size).unwrap_or(usize::MAX),
                    BodySize::None | BodySize::Stream => 0,
                };
                activity.responded(size);
            }
            if version < Version::HTTP_11 {
                // The end of the connection marks the end of the body.
                response.head_mut().no_chunking(true);
            }
            // A reused head still has the version of its previous response.
            response.head_mut().version = version;
            let said = response.head().connection_type();
            // A declined upgrade also ends the connection, because HTTP does not keep such a
            // connection alive. The same goes for a connection whose request body was not read to
            // its end.
            if version < Version::HTTP_11
                || asked != ConnectionType::KeepAlive
                || said == ConnectionType::Close
                || activity.as_ref().is_some_and(|it| it.is_last() || it.is_in_body())
            {
                set_last(response.head_mut(), activity.as_ref());
            }
            Ok::<_, Response<BoxBody>>(response.map_body(|_, body| Answered::new(body, answering)))
        }
    });
    let upgrades =
        fn_service(move |(request, framed)| upgrade(Rc::clone(&upgrading), request, framed));
    let http = HttpService::build()
        .keep_alive(times.idle)
        .client_request_timeout(times.request.unwrap_or(Duration::ZERO))
        .client_disconnect_timeout(DISCONNECT)
        .graceful_shutdown_signal(move || {
            let stopping = stopping.clone();
            async move { stopping.notified().await }
        })
        .on_connect_ext(|connection: &Connection, data| {
            data.insert(connection.activity().clone());
        })
        .expect(fn_service(move |request: Request| {
            let checked = expect.as_ref().map_or(Ok(()), |expect| expect(request.head()));
            ready(checked.map_err(|error| last(&request, error)).map(|()| request))
        }))
        .upgrade(upgrades)
        .finish(requests)
        .new_service(())
        .await?;
    let http = Rc::new(http);
    let deadlines =
        times.request.map(|request| Deadlines { request, idle: times.idle.max(request) });
    Ok(fn_service(move |stream: TcpStream| {
        let peer = stream.peer_addr().ok();
        let serving = match connections.enter(peer) {
            Ok((held, gone)) => {
                prepare(&stream, times.silence);
                let connection = Connection::new(stream, held, times.request, unread.clone());
                Some(((connection, Protocol::Http1, peer), gone))
            }
            Err(reason) => {
                refuse(&stream, reason);
                None
            }
        };
        let serving = serving.map(|(connection, gone)| {
            let (http, activity) = (Rc::clone(&http), connection.0.activity().clone());
            // In a box, so that HTTP's memory is freed when the connection leaves HTTP.
            let served = Box::pin(async move {
                let Some(deadlines) = deadlines else { return http.call(connection).await };
                tokio::select! {
                    served = http.call(connection) => served,
                    () = activity.expired(deadlines) => {
                        log::debug!("a connection timed out; closing it");
                        Ok(())
                    }
                }
            });
            (served, gone)
        });
        async move {
            let Some((served, gone)) = serving else { return Ok(()) };
            let served = served.await;
            // The connection counts toward the worker's limit until it is closed.
            drop(gone.await);
            served
        }
    }))
}

/// The response to a request whose body was rejected. It is the last one on its connection, because
/// the client may send the body anyway.
fn last(request: &Request, error: Error) -> Response<BoxBody> {
    let mut response = refused(error);
    set_last(response.head_mut(), request.conn_data::<Activity>());
    response
}

/// Announces that the connection ends with this response, and closes it afterwards.
fn set_last(head: &mut ResponseHead, activity: Option<&Activity>) {
    head.set_connection_type(ConnectionType::Close);
    if let Some(activity) = activity {
        activity.set_last();
    }
}

/// Refuses a connection above a limit: sends the reason if the socket accepts it without waiting,
/// and closes.
fn refuse(stream: &TcpStream, reason: TooMany) {
    let (status, words) = match reason {
        TooMany::OfNode => ("503 Service Unavailable", "too many connections: try again later"),
        TooMany::OfAddress => {
            ("429 Too Many Requests", "too many connections from this address: try again later")
        }
    };
    let answer = refusal::last(status, "Retry-After: 5", &format!("{{\"error\":\"{words}\"}}\n"));
    // Unread input would turn the close into a reset, which can overtake the response.
    let socket = SockRef::from(stream);
    drop((&*socket).read(&mut [0; 4096]));
    if let Err(error) = (&*socket).write(&answer) {
        log::debug!("a connection is refused without a response: {error}");
    }
}

/// Disables Nagle's algorithm, and sets the timeout for a vanished peer.
fn prepare(stream: &TcpStream, silence: Duration) {
    if let Err(error) = stream.set_nodelay(true) {
        log::debug!("TCP_NODELAY cannot be set: {error}");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(silence)) {
        log::debug!("TCP_USER_TIMEOUT cannot be set: {error}");
    }
}
