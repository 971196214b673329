//! The best hits after a place, and the number of all hits. Owns the order of hits: the better
//! score first; among equal scores, the higher id.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::ColumnValues;
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader, TantivyError};

use crate::search::query::Kind;

/// The position of a hit among all hits of its query.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub(in crate::search) score: f32,
    /// The row, as [`number`] encodes it.
    row: u64,
}

/// The result of a query on the index.
#[derive(Debug, Default)]
pub(in crate::search) struct Found {
    /// The number of all hits.
    pub(in crate::search) total: usize,
    /// The number of hits up to and including the requested place.
    pub(in crate::search) before: usize,
    /// The best hits after that place, best first.
    pub(in crate::search) best: Vec<Place>,
}

impl Place {
    /// The row's kind and id.
    pub(in crate::search) fn row(self) -> Option<(Kind, i64)> {
        let kind = Kind::ALL.into_iter().find(|kind| kind_number(*kind) == self.row & 3)?;
        i64::try_from(self.row >> 2).ok().map(|id| (kind, id))
    }
}

/// Encodes a row's kind and id as one number.
pub(super) fn number(kind: Kind, id: i64) -> u64 {
    id.unsigned_abs() << 2 | kind_number(kind)
}

/// A kind's number in the index.
pub(super) fn kind_number(kind: Kind) -> u64 {
    match kind {
        Kind::Post => 0,
        Kind::Note => 1,
        Kind::Comment => 2,
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Place) -> Ordering {
        self.score.total_cmp(&other.score).then(self.row.cmp(&other.row))
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Place) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Place) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Place {}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}_{}", self.score.to_bits(), self.row)
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Place, ()> {
        let (score, row) = text.split_once('_').ok_or(())?;
        let score = f32::from_bits(u32::from_str_radix(score, 16).map_err(drop)?);
        let place = Place { score, row: row.parse().map_err(drop)? };
        // A place has one spelling: no sign and no leading zeros.
        let is_one = score.is_finite() && score.is_sign_positive() && place.row().is_some();
        if is_one && place.to_string() == text { Ok(place) } else { Err(()) }
    }
}

/// Collects the best `limit` hits after a place.
pub(super) struct Best {
    pub(super) limit: usize,
    pub(super) after: Option<Place>,
    /// The fast field with the rows' numbers.
    pub(super) field: &'static str,
}

pub(super) struct BestOfSegment {
    limit: usize,
    after: Option<Place>,
    rows: Arc<dyn ColumnValues<u64>>,
    total: usize,
    before: usize,
    best: BinaryHeap<Reverse<Place>>,
}

impl Collector for Best {
    type Fruit = Found;
    type Child = BestOfSegment;

    fn for_segment(
        &self,
        _: SegmentOrdinal,
        segment: &SegmentReader,
    ) -> Result<BestOfSegment, TantivyError> {
        let rows = segment.fast_fields().column_first_or_default(self.field)?;
        let (limit, after) = (self.limit, self.after);
        Ok(BestOfSegment { limit, after, rows, total: 0, before: 0, best: BinaryHeap::new() })
    }

    fn requires_scoring(&self) -> bool {
        true
    }

    fn merge_fruits(&self, segments: Vec<Found>) -> Result<Found, TantivyError> {
        let mut found = Found::default();
        for segment in segments {
            found.total += segment.total;
            found.before += segment.before;
            found.best.extend(segment.best);
        }
        found.best.sort_unstable_by_key(|place| Reverse(*place));
        found.best.truncate(self.limit);
        Ok(found)
    }
}

impl SegmentCollector for BestOfSegment {
    type Fruit = Found;

    fn collect(&mut self, document: DocId, score: Score) {
        self.total += 1;
        let is_full = self.best.len() == self.limit;
        // Most hits score worse than the worst one kept: skip reading their rows.
        if is_full && self.best.peek().is_some_and(|Reverse(worst)| score < worst.score) {
            return;
        }
        let place = Place { score, row: self.rows.get_val(document) };
        if self.after.is_some_and(|after| place >= after) {
            self.before += 1;
        } else if !is_full {
            self.best.push(Reverse(place));
        } else if let Some(mut worst) = self.best.peek_mut()
            && worst.0 < place
        {
            *worst = Reverse(place);
        }
    }

    fn harvest(self) -> Found {
        let best = self.best.into_iter().map(|Reverse(place)| place).collect();
        Found { total: self.total, before: self.before, best }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_in_one_way_only() {
        for text in ["3f8ccccd_4", "00000000_9223372036854775806"] {
            assert_eq!(text.parse().map(|place: Place| place.to_string()).as_deref(), Ok(text));
        }
        for no_place in [
            "",
            "_",
            "3f8ccccd",
            "3f8ccccd_",
            "3F8CCCCD_4",
            "+f8ccccd_4",
            "f8ccccd_4",
            "3f8ccccd_04",
            "3f8ccccd_+4",
            "7fc00000_4",
            "7f800000_4",
            "bf8ccccd_4",
            "80000000_4",
            "3f8ccccd_7",
            "3f8ccccd_18446744073709551616",
            "3f8ccccd_4_",
            "é3f8cccc_4",
        ] {
            assert_eq!(no_place.parse::<Place>(), Err(()), "{no_place}");
        }
    }

    #[test]
    fn a_place_has_its_row() {
        for row in [(Kind::Post, 1), (Kind::Note, 7), (Kind::Comment, i64::MAX / 4)] {
            assert_eq!(Place { score: 1.0, row: number(row.0, row.1) }.row(), Some(row));
        }
    }
}
