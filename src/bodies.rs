//! The memory for request bodies. This module owns its limits; the controllers decide what a body
//! may contain.

use std::net::IpAddr;
use std::sync::Arc;

use crate::error::{AppError, AppResult};
use crate::shares::{Refused, Share, Shares};

/// Bodies up to this size in bytes have a separate budget, so that large ones cannot keep them out.
const SMALL: usize = 16 * 1024;

/// The memory budget for the bodies of all requests while they are read and parsed.
pub struct Bodies {
    small: Arc<Shares>,
    large: Arc<Shares>,
}

/// The share of the budget that one body holds.
#[derive(Default)]
pub struct Taken {
    small: Option<Share>,
    large: Option<Share>,
}

impl Bodies {
    /// Creates the budgets. Bodies of more than 16 KiB share `max` bytes; smaller ones share
    /// another `max / 2` bytes.
    pub fn new(max: usize) -> Bodies {
        Bodies { small: Shares::new(max / 2), large: Shares::new(max) }
    }

    /// Reserves `more` bytes for a body from this address, of which `before` bytes were already
    /// read. Returns 503 if all bodies together, or 429 if those of this address, take too much.
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
