//! Grants, which allow sockets, and their revocations. Owns the recent revocations; a session asks
//! for its grant when it is roused.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The number of grants whose revocations are kept, beyond those of the last two additions.
const KEPT: usize = 10_000;

/// The grant that a session was opened under, for example a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) id: i64,
    /// The number of the last revocation that was checked against this grant.
    pub(crate) as_of: i64,
}

/// The recent revocations; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Revocations(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// The number of the last revocation.
    last: AtomicI64,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// Grants, each with the number of its last revocation.
    revoked: HashMap<i64, i64>,
    /// The number of the last revocation that is no longer kept.
    forgotten: i64,
    /// The number of the last revocation before the last addition. Each addition rouses the
    /// sessions, so only revocations after this one may still be unchecked.
    before: i64,
}

impl Revocations {
    /// Adds the revocations whose numbers are higher than all before: grants with their numbers, in
    /// order. False if there were none.
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
            // An addition stays whole: forgetting a part of a large one would close every socket.
            let forgotten = kept.before;
            kept.forgotten = kept.forgotten.max(forgotten);
            kept.revoked.retain(|_, number| *number > forgotten);
        }
        kept.before = before;
        self.0.last.store(last, Ordering::Release);
        true
    }

    /// Revokes all grants that were last checked before this number. False if the number is known.
    pub(crate) fn add_all(&self, number: i64) -> bool {
        let mut kept = self.locked();
        if number <= self.0.last.load(Ordering::Acquire) {
            return false;
        }
        *kept = Kept { forgotten: number, before: number, ..Kept::default() };
        self.0.last.store(number, Ordering::Release);
        true
    }

    /// True if the grant was revoked since its last check. A grant whose last check is older than a
    /// forgotten revocation counts as revoked.
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
    fn a_grant_is_revoked_only_by_later_revocations() {
        let revocations = Revocations::default();
        let mut grant = Grant { id: 7, as_of: 0 };
        assert!(!revocations.revoke(&mut grant));
        assert!(revocations.add([(8, 1), (9, 2)]));
        assert!(!revocations.revoke(&mut grant));
        assert_eq!(grant.as_of, 2);
        assert!(revocations.add([(7, 3)]));
        // Opened again when revocation 3 was known.
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
    fn all_grants_before_a_number_are_revoked_together() {
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
        // With or without a check in between.
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
