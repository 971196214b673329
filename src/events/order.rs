//! Puts events in order: whatever is announced late, twice or never, each position comes out once,
//! in order. Pure; the relay around it reads what is missing from the log.

use std::collections::BTreeMap;

/// Items that wait for their turn. `T` is the event; only its position matters here.
#[derive(Debug)]
pub(super) struct Order<T> {
    /// The position that is to come out next.
    next: i64,
    waiting: BTreeMap<i64, T>,
    capacity: usize,
}

impl<T> Order<T> {
    /// Starts behind `last`. Holds at most `capacity` items that wait for an earlier one.
    pub(super) fn after(last: i64, capacity: usize) -> Order<T> {
        Order { next: last + 1, waiting: BTreeMap::new(), capacity }
    }

    /// The last position that came out.
    pub(super) fn last(&self) -> i64 {
        self.next - 1
    }

    /// Takes an item in. One that has come out or waits already is dropped; so is the latest when
    /// there is no room, since it can be read from the log again.
    pub(super) fn offer(&mut self, position: i64, item: T) {
        if position < self.next {
            return;
        }
        self.waiting.entry(position).or_insert(item);
        if self.waiting.len() > self.capacity {
            self.waiting.pop_last();
        }
    }

    /// The next item, when it is there.
    pub(super) fn pop(&mut self) -> Option<(i64, T)> {
        let item = self.waiting.remove(&self.next)?;
        let position = self.next;
        self.next += 1;
        Some((position, item))
    }

    /// True when items wait for one that is missing.
    pub(super) fn has_gap(&self) -> bool {
        self.waiting.first_key_value().is_some_and(|(first, _)| *first > self.next)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Announcements lost, doubled and in any order; a gap is filled from the log, as the
        /// relay does: each position comes out once, in order.
        #[test]
        fn every_position_once_in_order(
            announced in prop::collection::vec(1_i64..60, 0..200),
            capacity in 1_usize..20,
            start in 0_i64..5,
        ) {
            const END: i64 = 60;
            let mut order = Order::after(start, capacity);
            let mut out = Vec::new();
            for position in announced {
                order.offer(position, position * 10);
                while let Some((position, item)) = order.pop() {
                    prop_assert_eq!(item, position * 10);
                    out.push(position);
                }
                prop_assert!(order.waiting.len() <= capacity);
            }
            while order.last() < END {
                let page = order.last() + 1..=END.min(order.last() + 7);
                page.for_each(|position| order.offer(position, position * 10));
                while let Some((position, _)) = order.pop() {
                    out.push(position);
                }
            }
            prop_assert_eq!(out, (start + 1..=END).collect::<Vec<_>>());
            prop_assert!(!order.has_gap());
        }
    }
}
