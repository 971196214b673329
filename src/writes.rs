//! How much one address may write. Owns the budget and what a write costs; which requests are let in
//! at all is `guard`'s.
//!
//! A change of one word in a post of a mebibyte is a request of 22 bytes and an event of a mebibyte,
//! which the log keeps and every reader gets. So a write costs the bytes of its events.

use std::time::{Duration, Instant};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use kilonova_feed::limits::{Address, Rates};

use crate::db::Meter;
use crate::error::AppError;

/// What a write costs beside its events, if it comes to any.
const EACH: usize = 16 * 1024;

const PERIOD: Duration = Duration::from_secs(60);

/// Counts the bytes that each address writes. Loopback peers do not count.
pub struct Writes(Rates);

impl Writes {
    /// `bytes` per minute and address, and as many at once after an idle minute; 0 for any number.
    pub fn new(bytes: u32) -> Writes {
        Writes(Rates::new(bytes, PERIOD, Instant::now()))
    }
}

/// Refuses a write with 429 while its address has used up its budget, and counts the others.
pub async fn admit<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let address = Address::of(request.peer_addr().map(|peer| peer.ip())).counted();
    let (Some(address), false) = (address, request.method().is_safe()) else {
        return next.call(request).await.map(ServiceResponse::map_into_left_body);
    };
    let Some(writes) = request.app_data::<Data<Writes>>().cloned() else {
        return Err(AppError::internal("no budget of writes").into());
    };
    if let Err(wait) = writes.0.check(address, Instant::now()) {
        let error = AppError::too_many("too much is written from this address", wait);
        return Ok(request.error_response(error).map_into_right_body());
    }
    let charge = move |bytes: usize| {
        // No event is as large as that.
        writes.0.charge(address, bytes.try_into().unwrap_or(u32::MAX), Instant::now());
    };
    charge(EACH);
    Meter::new(charge).measure(next.call(request)).await.map(ServiceResponse::map_into_left_body)
}
