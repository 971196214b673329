//! The memory for the bodies of requests. Owns its bounds; what a body may hold is the controllers'.

use std::net::IpAddr;
use std::sync::Arc;

use crate::error::{AppError, AppResult};
use crate::shares::{Refused, Share, Shares};

/// Bodies up to this size have room of their own: large ones cannot keep them out.
const SMALL: usize = 16 * 1024;

/// The memory that the bodies of all requests take while they are read and parsed.
pub struct Bodies {
    small: Arc<Shares>,
    large: Arc<Shares>,
}

/// What one body takes of it.
#[derive(Default)]
pub struct Taken {
    small: Option<Share>,
    large: Option<Share>,
}

impl Bodies {
    /// Nothing is being read. `max` is for bodies of more than 16 KiB; the others have half as much
    /// beside it.
    pub fn new(max: usize) -> Bodies {
        Bodies { small: Shares::new(max / 2), large: Shares::new(max) }
    }

    /// Room for `more` bytes of a body from this address that has `before`.
    pub fn take(
        &self,
        address: Option<IpAddr>,
        taken: &mut Taken,
        before: usize,
        more: usize,
    ) -> AppResult<()> {
        let (room, taken) = match before + more <= SMALL {
            true => (&self.small, &mut taken.small),
            false => (&self.large, &mut taken.large),
        };
        let own = taken.as_ref().map_or(0, Share::bytes);
        let share = room.take(address, own, more).map_err(|refused| match refused {
            Refused::All => AppError::Busy("too many large requests at once: try again later", 1),
            Refused::Address => AppError::too_many(
                "too many large requests at once from this address",
                std::time::Duration::from_secs(1),
            ),
        })?;
        match taken {
            Some(taken) => taken.merge(share),
            none => *none = Some(share),
        }
        Ok(())
    }
}
