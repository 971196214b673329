//! The memory for the bodies of requests. Owns its bounds; what a body may hold is the controllers'.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{AppError, AppResult};

/// Bodies up to this size have room of their own: large ones cannot keep them out.
const SMALL: usize = 16 * 1024;

/// The memory that the bodies of all requests take while they are read and parsed.
pub struct Bodies {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

impl Bodies {
    /// Nothing is being read. `max` is for bodies of more than 16 KiB; the others have half as much
    /// beside it.
    pub fn new(max: usize) -> Bodies {
        let room = |bytes: usize| Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS)));
        Bodies { small: room(max / 2), large: room(max) }
    }

    /// Room for `more` bytes of a body that has `before`.
    pub fn take(&self, before: usize, more: usize) -> AppResult<OwnedSemaphorePermit> {
        let room = if before + more <= SMALL { &self.small } else { &self.large };
        let permit = u32::try_from(more)
            .ok()
            .and_then(|more| Arc::clone(room).try_acquire_many_owned(more).ok());
        permit.ok_or(AppError::Busy("too many large requests at once: try again later", 1))
    }
}
