//! Limits the memory for large responses. This module owns the limit; the controllers own the
//! content.
//!
//! A list of posts may take four mebibytes, which stay in memory until the client has read them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use kilonova_feed::Hangup;
use kilonova_feed::limits::Address;
use tokio::sync::Notify;

use crate::error::AppError;
use crate::shares::{Refused, Share, Shares};

/// Responses up to this size in bytes are not counted, because the connection limit bounds them.
const SMALL: u64 = 64 * 1024;

/// The path prefix of the API, which serves the lists.
const API: &str = "/api/";

/// The number of bytes passed to HTTP at a time. HTTP copies them, so a whole body would no longer
/// be counted.
const PART: usize = 32 * 1024;

/// How long a large response may take before it can be cut off to make room for others.
const PATIENCE: Duration = Duration::from_secs(3);

/// Attached to a streamed response: the number of its bytes that are in memory.
#[derive(Clone, Copy, Debug)]
pub struct Resident(pub u64);

/// The budget for large responses that are not fully sent.
pub struct Responses {
    room: Arc<Shares>,
    max: usize,
    /// By sequence number, so the oldest is first.
    waiting: Mutex<BTreeMap<u64, Waiting>>,
    numbers: AtomicU64,
}

/// A response that is not fully sent.
struct Waiting {
    since: Instant,
    bytes: usize,
    must_end: Arc<Notify>,
}

impl Responses {
    /// Creates a budget of `max` bytes in total; a single response may be larger.
    pub fn new(max: usize) -> Responses {
        let room = Shares::new(max);
        Responses { room, max, waiting: Mutex::default(), numbers: AtomicU64::new(0) }
    }

    /// Reserves memory for a response of this size to this address. If the budget is used up, it
    /// fails, and cuts off the responses that have waited longest for their clients, so that memory
    /// becomes free soon.
    fn take(
        responses: &Data<Responses>,
        address: Option<IpAddr>,
        bytes: u64,
    ) -> Result<Room, Refused> {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(responses.max);
        let share = responses.room.take(address, 0, bytes);
        let mut waiting = responses.waiting();
        if let Err(Refused::All) = share {
            let mut freed = 0;
            for one in waiting.values().take_while(|one| one.since.elapsed() >= PATIENCE) {
                if freed >= bytes {
                    break;
                }
                freed += one.bytes;
                one.must_end.notify_one();
            }
        }
        let share = share?;
        let number = responses.numbers.fetch_add(1, Ordering::Relaxed);
        let must_end = Arc::<Notify>::default();
        let one = Waiting { since: Instant::now(), bytes, must_end: Arc::clone(&must_end) };
        waiting.insert(number, one);
        let responses = Data::clone(responses);
        Ok(Room { responses, number, must_end, _share: share })
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<u64, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reserved memory of a response until it is sent.
struct Room {
    responses: Data<Responses>,
    number: u64,
    must_end: Arc<Notify>,
    _share: Share,
}

impl Room {
    /// Closes the connection if the response must make room for others and its client is not
    /// reading.
    fn end_by(&self, hangup: Hangup) {
        let (number, must_end) = (self.number, Arc::clone(&self.must_end));
        let responses = Data::clone(&self.responses);
        actix_web::rt::spawn(async move {
            loop {
                must_end.notified().await;
                if !responses.waiting().contains_key(&number) {
                    return;
                }
                log::debug!("cutting off a large response that its client does not read");
                hangup.now();
            }
        });
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.responses.waiting().remove(&self.number);
        self.must_end.notify_one();
    }
}

/// Answers 503 or 429 in place of a large response if there are too many already, unless it is the
/// response to a write.
pub async fn bound<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, actix_web::Error> {
    let Some(responses) = request.app_data::<Data<Responses>>().cloned() else {
        return Err(AppError::internal("no memory for responses").into());
    };
    let address = Address::of(request.peer_addr().map(|peer| peer.ip())).counted();
    // Otherwise a list would be loaded and serialized only to be dropped.
    if request.method().is_safe()
        && request.path().starts_with(API)
        && responses.room.is_at_its_part(address)
    {
        return Ok(request.error_response(refused(Refused::Address)).map_into_right_body());
    }
    let hangup = Hangup::of(request.request());
    let writes = !request.method().is_safe();
    let response = next.call(request).await?;
    let resident = response.response().extensions().get::<Resident>().map(|bytes| bytes.0);
    let size = match response.response().body().size() {
        BodySize::Sized(size) if size > SMALL => resident.map_or(size, |bytes| bytes.min(size)),
        _ => return Ok(response.map_into_left_body()),
    };
    let room = match Responses::take(&responses, address, size) {
        Ok(room) => room,
        // The write was committed; an error would make the client write it again. Writes per
        // address have a separate limit.
        Err(_) if writes => return Ok(response.map_into_left_body()),
        Err(reason) => {
            return Ok(response.error_response(refused(reason)).map_into_right_body());
        }
    };
    if let Some(hangup) = hangup {
        room.end_by(hangup);
    }
    let parted = |_: &mut _, body: B| {
        BoxBody::new(Parted { body: Box::pin(body), part: Bytes::new(), _room: room })
    };
    Ok(response.map_body(|head, body| EitherBody::right(parted(head, body))))
}

fn refused(reason: Refused) -> AppError {
    match reason {
        Refused::All => AppError::Busy("too many large responses at once: try again later", 1),
        Refused::Address => AppError::too_many(
            "too many large responses at once to this address",
            Duration::from_secs(1),
        ),
    }
}

/// A body that is sent in parts and keeps its memory reserved until the last one.
struct Parted<B> {
    body: Pin<Box<B>>,
    part: Bytes,
    _room: Room,
}

impl<B: MessageBody> MessageBody for Parted<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, B::Error>>> {
        if self.part.is_empty() {
            match ready!(self.body.as_mut().poll_next(cx)) {
                Some(Ok(bytes)) => self.part = bytes,
                end => return Poll::Ready(end),
            }
        }
        let length = self.part.len().min(PART);
        Poll::Ready(Some(Ok(self.part.split_to(length))))
    }
}
