//! Puts events in order: each position comes out once and in order, even if it is announced late,
//! twice or never. Pure; the relay reads missing events from the log.

use std::collections::BTreeMap;

/// Items that wait for earlier positions. `T` is the event; only its position matters here.
#[derive(Debug)]
pub(crate) struct Order<T> {
    /// The next position to come out.
    next: i64,
    /// Each item with its weight.
    waiting: BTreeMap<i64, (usize, T)>,
    capacity: usize,
    weight: usize,
    max_weight: usize,
}

impl<T> Order<T> {
    /// Starts after `last`. Holds at most `capacity` items with a total weight of at most
    /// `max_weight`, or one item that weighs more.
    pub(crate) fn after(last: i64, capacity: usize, max_weight: usize) -> Order<T> {
        Order { next: last + 1, waiting: BTreeMap::new(), capacity, weight: 0, max_weight }
    }

    /// The last position that came out.
    pub(crate) fn last(&self) -> i64 {
        self.next - 1
    }

    /// Adds an item. Drops it if its position has come out or already waits. If there is no room,
    /// drops the latest item, which can be read from the log again.
    pub(crate) fn offer(&mut self, position: i64, weight: usize, item: T) {
        if position < self.next || self.waiting.contains_key(&position) {
            return;
        }
        self.weight += weight;
        self.waiting.insert(position, (weight, item));
        while self.waiting.len() > self.capacity
            || (self.weight > self.max_weight && self.waiting.len() > 1)
        {
            let Some((_, (weight, _))) = self.waiting.pop_last() else { return };
            self.weight -= weight;
        }
    }

    /// The next item, if it has arrived.
    pub(crate) fn pop(&mut self) -> Option<(i64, T)> {
        let (weight, item) = self.waiting.remove(&self.next)?;
        self.weight -= weight;
        let position = self.next;
        self.next += 1;
        Some((position, item))
    }

    /// The number of waiting items.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// True when items wait for a missing one.
    pub(crate) fn has_gap(&self) -> bool {
        self.waiting.first_key_value().is_some_and(|(first, _)| *first > self.next)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Announcements may be lost, duplicated or out of order, and gaps are filled from the log,
        /// as the relay does: each position still comes out once, in order.
        #[test]
        fn every_position_once_in_order(
            announced in prop::collection::vec(1_i64..60, 0..200),
            capacity in 1_usize..20,
            weight in 1_usize..40,
            start in 0_i64..5,
        ) {
            const END: i64 = 60;
            let mut order = Order::after(start, capacity, weight);
            let mut out = Vec::new();
            for position in announced {
                order.offer(position, 3, position * 10);
                while let Some((position, item)) = order.pop() {
                    prop_assert_eq!(item, position * 10);
                    out.push(position);
                }
                prop_assert!(order.waiting.len() <= capacity);
                prop_assert!(order.waiting.len() <= (weight / 3).max(1));
            }
            while order.last() < END {
                let page = order.last() + 1..=END.min(order.last() + 7);
                page.for_each(|position| order.offer(position, 3, position * 10));
                while let Some((position, _)) = order.pop() {
                    out.push(position);
                }
            }
            prop_assert_eq!(out, (start + 1..=END).collect::<Vec<_>>());
            prop_assert!(!order.has_gap());
        }
    }

    #[test]
    fn items_wait_within_the_limits_or_one_heavier_item_alone() {
        let mut order = Order::after(0, 3, 10);
        assert!(!order.has_gap(), "nothing waits");
        order.offer(2, 5, "two");
        assert!(order.has_gap());
        order.offer(3, 5, "three");
        order.offer(4, 1, "too much");
        order.offer(1, 0, "one");
        assert!(!order.has_gap(), "the next one is there");
        let out: Vec<_> = std::iter::from_fn(|| order.pop()).collect();
        assert_eq!(out, [(1, "one"), (2, "two"), (3, "three")]);
        order.offer(4, 11, "heavier than the room");
        assert_eq!(order.pop(), Some((4, "heavier than the room")));
        // Items that came out take no room.
        order.offer(5, 5, "five");
        order.offer(6, 5, "six");
        assert_eq!((order.pop(), order.pop()), (Some((5, "five")), Some((6, "six"))));
    }
}
