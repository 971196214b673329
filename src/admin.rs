//! The listener of `--admin-bind`, for operators. It serves only metrics and health checks.
//!
//! It has a separate thread and a small separate connection limit, so that an attack on the site
//! does not affect it, or the reverse.

use std::net::TcpListener;
use std::time::Duration;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap};
use actix_web::middleware::{DefaultHeaders, Next, from_fn};
use actix_web::web::{self, Data};
use actix_web::{App, Error, HttpResponse};
use kilonova_feed::{Running, Server};

use crate::controllers::health;
use crate::error::{AppError, AppResult};
use crate::guard;
use crate::metrics;
use crate::reach::is_loopback;
use crate::router::{get, nowhere, resource};
use crate::state::State;

/// The maximum number of connections: enough for a few scrapers and probes.
const CONNECTIONS: usize = 32;

/// The timeout for a request's head.
const REQUEST: Duration = Duration::from_secs(5);

/// The timeout for idle connections: longer than the usual scrape interval.
const IDLE: Duration = Duration::from_secs(75);

/// Whether requests must name a loopback host.
#[derive(Clone, Copy)]
struct IsLoopback(bool);

/// Starts the listener. It answers once the returned server is run.
pub fn serve(listener: TcpListener, state: Data<State>) -> std::io::Result<Running> {
    let bound = listener.local_addr()?;
    let is_loopback = IsLoopback(bound.ip().is_loopback());
    Server::listen(listener, move || site(Data::clone(&state), is_loopback))
        .workers(1)
        .max_connections(CONNECTIONS)
        .max_connections_per_address(0)
        .max_unread(1024 * 1024)
        .request_timeout(Some(REQUEST))
        .keep_alive(IDLE)
        .run()
}

fn site(
    state: Data<State>,
    is_loopback: IsLoopback,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(state)
        .app_data(is_loopback)
        .wrap(from_fn(guard::catch_panic))
        .wrap(from_fn(admit))
        .wrap(
            DefaultHeaders::new()
                .add((header::CACHE_CONTROL, "no-store"))
                .add(("X-Content-Type-Options", "nosniff")),
        )
        .service(resource("/metrics", [get(show)]))
        .service(resource("/health/live", [get(live)]))
        .service(resource("/health/ready", [get(ready)]))
        .default_service(web::to(nowhere))
}

/// Refuses a request for another host on a loopback address. Otherwise a foreign page could point
/// its host name here (DNS rebinding) and read what a browser on this machine may read.
async fn admit<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let must_be_loopback = request.app_data::<IsLoopback>().is_none_or(|it| it.0);
    if must_be_loopback && !names_loopback(request.headers(), request.uri().host()) {
        let error = AppError::Misdirected("this address only serves loopback host names");
        return Ok(request.error_response(error).map_into_right_body());
    }
    next.call(request).await.map(ServiceResponse::map_into_left_body)
}

fn names_loopback(headers: &HeaderMap, target: Option<&str>) -> bool {
    let mut hosts = headers.get_all(header::HOST);
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    host.to_str().is_ok_and(is_loopback) && target.is_none_or(is_loopback)
}

/// GET /metrics
async fn show(state: Data<State>) -> AppResult<HttpResponse> {
    let page = metrics::page(&state)?;
    Ok(HttpResponse::Ok().content_type(metrics::FORMAT).body(page))
}

/// GET /health/live
async fn live(state: Data<State>) -> AppResult<HttpResponse> {
    health::live(&state).await
}

/// GET /health/ready
async fn ready(state: Data<State>) -> AppResult<HttpResponse> {
    health::check(&state).await
}
