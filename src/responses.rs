//! The memory for large responses. Owns its bound; what is in them is the controllers'.
//!
//! A list of posts may be four mebibytes, and stays in memory until its client has taken it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::AppError;

/// Responses up to this size are not counted: as many as there are connections fit.
const SMALL: u64 = 64 * 1024;

/// What HTTP takes at once. It copies it, so that the rest of a whole body would not be counted.
const PART: usize = 32 * 1024;

/// The bytes of all large responses that have not gone out.
pub struct Responses {
    room: Arc<Semaphore>,
    max: usize,
}

impl Responses {
    /// With this many bytes together; a single response may be larger.
    pub fn new(max: usize) -> Responses {
        let max = max.min(Semaphore::MAX_PERMITS);
        Responses { room: Arc::new(Semaphore::new(max)), max }
    }

    fn take(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(self.max);
        Arc::clone(&self.room).try_acquire_many_owned(u32::try_from(bytes).ok()?).ok()
    }
}

/// Answers 503 in place of a large response when there are too many of them already.
pub async fn bound<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, actix_web::Error> {
    let responses = request.app_data::<Data<Responses>>().cloned();
    let response = next.call(request).await?;
    let size = match response.response().body().size() {
        BodySize::Sized(size) if size > SMALL => size,
        _ => return Ok(response.map_into_left_body()),
    };
    let room = match responses {
        Some(responses) => responses.take(size),
        None => return Err(AppError::internal("no memory for responses").into()),
    };
    let Some(room) = room else {
        let busy = AppError::Busy("too many large responses at once: try again later", 1);
        return Ok(response.error_response(busy).map_into_right_body());
    };
    let parted = |_: &mut _, body: B| {
        BoxBody::new(Parted { body: Box::pin(body), part: Bytes::new(), _room: room })
    };
    Ok(response.map_body(|head, body| EitherBody::right(parted(head, body))))
}

/// A body that comes out in parts, and holds its room until the last.
struct Parted<B> {
    body: Pin<Box<B>>,
    part: Bytes,
    _room: OwnedSemaphorePermit,
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
