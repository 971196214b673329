//! A session's progress in the log: the position that it has sent, and whether it sends live events
//! now or reads them from the log later. Pure; sessions and subscriptions use it.

/// A session's place in the log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Every event up to here was sent or is not for this session.
    through: i64,
    replaying: bool,
    /// During a replay: the newest live position, which the replay must reach.
    newest: i64,
    /// During a replay: live events were missed, so another slice must be read after this one.
    missed: bool,
}

impl Progress {
    /// Live only: sends every live event after `through`.
    pub(crate) fn live(through: i64) -> Progress {
        Progress { through, replaying: false, newest: 0, missed: false }
    }

    /// First a replay of everything after `through`, then live.
    pub(crate) fn replaying(through: i64) -> Progress {
        Progress { through, replaying: true, newest: 0, missed: false }
    }

    /// True during a replay.
    pub(crate) fn is_replaying(&self) -> bool {
        self.replaying
    }

    /// The position to read after; `None` when there is nothing to replay.
    pub(crate) fn read_after(&mut self) -> Option<i64> {
        self.missed = false;
        self.replaying.then_some(self.through)
    }

    /// Decides about a live event: true if it is sent now. An event without a position is in no log
    /// and is always sent.
    pub(crate) fn admits(&mut self, position: Option<i64>) -> bool {
        let Some(position) = position else { return true };
        if self.replaying {
            self.newest = self.newest.max(position);
            return false;
        }
        let new = position > self.through;
        self.through = self.through.max(position);
        new
    }

    /// Decides about a position frame, which says that every event up to `position` went out: true
    /// if it is forwarded.
    pub(crate) fn confirms(&mut self, position: i64) -> bool {
        if !self.replaying {
            self.through = self.through.max(position);
        }
        !self.replaying && position == self.through
    }

    /// Records that live events were missed. True during a replay, which reads them from the log.
    pub(crate) fn forgives(&mut self) -> bool {
        self.missed = true;
        self.replaying
    }

    /// Records that live events were missed, and replays them from the log.
    pub(crate) fn falls_back(&mut self) {
        if !self.forgives() {
            *self = Progress::replaying(self.through);
        }
    }

    /// Continues live after the returned position, because the log no longer reaches back to
    /// `through`. The result covers the live events that the replay held back.
    pub(crate) fn resyncs(&mut self, position: i64) -> i64 {
        let position = position.max(self.newest).max(self.through);
        *self = Progress::live(position);
        position
    }

    /// Records a sent slice that covers positions up to `through`; `end` if the log ended there.
    pub(crate) fn replayed(&mut self, through: i64, end: bool) {
        self.through = self.through.max(through);
        if end && !self.missed && self.through >= self.newest {
            self.replaying = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        /// Commit this number of events.
        Commit(i64),
        /// Hand the next live events to the session.
        Deliver(usize),
        /// Lose the next live events, as a full mailbox does.
        Lose(usize),
        /// Read and send a slice of at most this number.
        Read(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (1_i64..5).prop_map(Step::Commit),
            (1_usize..5).prop_map(Step::Deliver),
            (1_usize..3).prop_map(Step::Lose),
            (1_usize..5).prop_map(Step::Read),
        ]
    }

    #[test]
    fn a_position_is_confirmed_only_live_and_if_nothing_newer_is_known() {
        let mut live = Progress::live(5);
        assert!(!live.is_replaying());
        assert!(live.confirms(7));
        assert!(live.confirms(7));
        assert!(!live.confirms(6), "older than what is known");
        assert!(!live.admits(Some(7)) && live.admits(Some(8)), "7 is confirmed");
        let mut replaying = Progress::replaying(5);
        assert!(replaying.is_replaying());
        assert!(!replaying.confirms(5) && !replaying.confirms(7), "the replay has not reached it");
        assert_eq!(replaying.read_after(), Some(5));
    }

    #[test]
    fn missed_events_are_forgiven_only_during_a_replay() {
        assert!(!Progress::live(5).forgives());
        let mut replaying = Progress::replaying(5);
        assert_eq!(replaying.read_after(), Some(5));
        assert!(replaying.forgives());
        replaying.replayed(9, true);
        assert!(replaying.is_replaying(), "the missed events are read");
        assert_eq!(replaying.read_after(), Some(9));
        replaying.replayed(9, true);
        assert!(!replaying.is_replaying());
    }

    #[test]
    fn a_resync_continues_after_everything_that_is_known() {
        assert_eq!(Progress::replaying(5).resyncs(9), 9);
        assert_eq!(Progress::replaying(12).resyncs(9), 12);
        let mut replaying = Progress::replaying(5);
        assert!(!replaying.admits(Some(20)));
        assert_eq!(replaying.resyncs(9), 20);
        assert!(!replaying.is_replaying() && !replaying.admits(Some(20)));
        assert!(replaying.admits(Some(21)));
    }

    proptest! {
        /// However commits, live deliveries, losses and slices interleave, each event after the
        /// start is sent once and in order. A loss while live ends a session; a subscription falls
        /// back to the log.
        #[test]
        fn each_event_once_in_order(
            steps in prop::collection::vec(step(), 0..60),
            before in 0_i64..20,
            start in 0_i64..20,
            falls_back: bool,
        ) {
            let start = start.min(before);
            // Joins after `before` committed events, none of which is delivered live.
            let (mut committed, mut delivered) = (before, before);
            let mut progress = Progress::replaying(start);
            let mut sent = Vec::new();
            let mut cut = false;
            let read = |progress: &mut Progress, sent: &mut Vec<i64>, committed: i64, size: usize| {
                if let Some(after) = progress.read_after() {
                    let slice: Vec<i64> = (after + 1..=committed).take(size).collect();
                    let last = *slice.last().unwrap_or(&after);
                    let through = if slice.len() == size { last } else { committed };
                    sent.extend(slice);
                    progress.replayed(through, through == committed);
                }
            };
            for step in steps {
                match step {
                    Step::Commit(count) => committed += count,
                    Step::Deliver(count) => for _ in 0..count {
                        if delivered < committed {
                            delivered += 1;
                            if progress.admits(Some(delivered)) {
                                sent.push(delivered);
                            }
                        }
                    },
                    Step::Lose(count) => {
                        let lost = (count as i64).min(committed - delivered);
                        if lost > 0 {
                            delivered += lost;
                            if falls_back {
                                progress.falls_back();
                            } else if !progress.forgives() {
                                cut = true;
                                break;
                            }
                        }
                    }
                    Step::Read(size) => read(&mut progress, &mut sent, committed, size),
                }
            }
            if !cut {
                while progress.replaying {
                    read(&mut progress, &mut sent, committed, 3);
                }
                while delivered < committed {
                    delivered += 1;
                    if progress.admits(Some(delivered)) {
                        sent.push(delivered);
                    }
                }
                prop_assert_eq!(sent.last().copied().unwrap_or(start), committed);
            }
            let expected: Vec<i64> = (start + 1..).take(sent.len()).collect();
            prop_assert_eq!(sent, expected);
        }
    }
}
