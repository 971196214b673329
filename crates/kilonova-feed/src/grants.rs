//! What sockets are allowed by, and which of that has been revoked since. Owns the revocations of
//! late; a session asks when it is roused.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The grants whose revocations are kept, beyond those of the last two additions.
const KEPT: usize = 10_000;

/// What a session was opened under, for example a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) id: i64,
    /// The number of the last revocation that was taken into account.
    pub(crate) as_of: i64,
}

/// The revocations of late; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Revocations(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// The number of the last one.
    last: AtomicI64,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// Grants, each with the number of its last revocation.
    revoked: HashMap<i64, i64>,
    /// The number of the last one that is not kept any more.
    forgotten: i64,
    /// The number of the last one before the last addition. Sessions are roused by each addition, so
    /// what came after this is what they may not have looked at yet.
    before: i64,
}

impl Revocations {
    /// Adds the revocations with higher numbers than all before: grants with their numbers, in
    /// order. False if there was none.
    pub(crate) fn add(&self, revoked: impl IntoIterator<Item = (i64, i64)>) -> bool {
        let mut kept = self.locked();
        let before = self.0.last.load(Ordering::Acquire);
        let mut last = before;
        for (grant, number) in revoked {
            if number > last {
                kept.revoked.insert(grant, number);
                last = number;
            }
        }
        if last == before {
            return false;
        }
        if kept.revoked.len() > KEPT {
            // One addition of many must not close the sockets of all: it stays whole.
            let forgotten = kept.before;
            kept.forgotten = kept.forgotten.max(forgotten);
            kept.revoked.retain(|_, number| *number > forgotten);
        }
        kept.before = before;
        self.0.last.store(last, Ordering::Release);
        true
    }

    /// Revokes all grants that were last asked about before this number. False if it is known.
    pub(crate) fn add_all(&self, number: i64) -> bool {
        let mut kept = self.locked();
        if number <= self.0.last.load(Ordering::Acquire) {
            return false;
        }
        *kept = Kept { forgotten: number, before: number, ..Kept::default() };
        self.0.last.store(number, Ordering::Release);
        true
    }

    /// Whether a grant was revoked since it was last asked about. One that was not asked about in so
    /// long that revocations since then are forgotten counts as revoked.
    pub(crate) fn revoke(&self, grant: &mut Grant) -> bool {
        let last = self.0.last.load(Ordering::Acquire);
        if last <= grant.as_of {
            return false;
        }
        let kept = self.locked();
        let is_revoked = grant.as_of < kept.forgotten
            || kept.revoked.get(&grant.id).is_some_and(|number| *number > grant.as_of);
        grant.as_of = last;
        is_revoked
    }

    fn locked(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_revoked_by_what_came_after_it_was_taken_into_account() {
        let revocations = Revocations::default();
        let mut grant = Grant { id: 7, as_of: 0 };
        assert!(!revocations.revoke(&mut grant));
        assert!(revocations.add([(8, 1), (9, 2)]));
        assert!(!revocations.revoke(&mut grant));
        assert_eq!(grant.as_of, 2);
        assert!(revocations.add([(7, 3)]));
        // Opened again when that was known.
        assert!(!revocations.revoke(&mut Grant { id: 7, as_of: 3 }));
        assert!(revocations.revoke(&mut grant));
    }

    #[test]
    fn the_same_revocations_again_change_nothing() {
        let revocations = Revocations::default();
        assert!(revocations.add([(7, 5)]));
        assert!(!revocations.add([(7, 5), (8, 4)]));
        assert!(!revocations.revoke(&mut Grant { id: 8, as_of: 3 }));
        assert!(!revocations.revoke(&mut Grant { id: 7, as_of: 5 }));
    }

    #[test]
    fn all_grants_are_revoked_when_nobody_knows_which() {
        let revocations = Revocations::default();
        assert!(revocations.add([(7, 5)]));
        assert!(revocations.add_all(9));
        assert!(!revocations.add_all(9));
        assert!(revocations.revoke(&mut Grant { id: 8, as_of: 8 }));
        assert!(!revocations.revoke(&mut Grant { id: 8, as_of: 9 }));
    }

    #[test]
    fn one_addition_of_many_revokes_no_other_grant() {
        let revocations = Revocations::default();
        let most = KEPT as i64;
        let mut other = Grant { id: 0, as_of: 0 };
        revocations.add((1..=2 * most).map(|number| (number, number)));
        assert!(!revocations.revoke(&mut other));
        revocations.add((1..=2 * most).map(|grant| (grant, 2 * most + grant)));
        // Whether it has looked in between or not.
        assert!(!revocations.revoke(&mut other));
        assert!(!revocations.revoke(&mut Grant { id: 0, as_of: 1 }));
        assert!(revocations.revoke(&mut Grant { id: 1, as_of: 1 }));
    }

    #[test]
    fn a_session_that_has_missed_revocations_counts_as_revoked() {
        let revocations = Revocations::default();
        let most = KEPT as i64;
        revocations.add((1..=most).map(|number| (number, number)));
        revocations.add([(most + 1, most + 1)]);
        assert!(!revocations.revoke(&mut Grant { id: 0, as_of: 0 }));
        revocations.add([(most + 2, most + 2)]);
        assert!(revocations.revoke(&mut Grant { id: 0, as_of: most - 1 }));
        assert!(!revocations.revoke(&mut Grant { id: 0, as_of: most }));
    }
}
