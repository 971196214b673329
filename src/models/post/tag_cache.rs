//! A cache of the tags in use, which are counted once for each position of the log. Counting reads
//! a row for each tag of each published post, and anyone may request it.

use std::sync::{Arc, Mutex, PoisonError};

use diesel::prelude::*;

use super::{TagCount, tags_in_use};
use crate::connection::DbConnection;

/// The first tags in use, and whether there are more.
type Counted = Arc<(Vec<TagCount>, bool)>;

/// The last count of the first tags.
#[derive(Debug, Default)]
pub struct TagCache(Mutex<Option<(i64, Counted)>>);

impl TagCache {
    /// The first tags in use, as of a position that this connection has read. The position is
    /// enough as a key, since every change of a post writes an event.
    pub fn first(
        &self,
        connection: &mut DbConnection,
        position: i64,
        limit: usize,
    ) -> QueryResult<Counted> {
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, counted)) = &*kept()
            && *at == position
        {
            return Ok(Arc::clone(counted));
        }
        let counted = Arc::new(tags_in_use(connection, None, limit)?);
        *kept() = Some((position, Arc::clone(&counted)));
        Ok(counted)
    }
}
