//! Where a session is in the log: what it has sent, and whether what comes live is for it now or
//! for later. Pure; both kinds of session use it.

/// A session's place in the log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Everything up to here has been sent or does not concern the session.
    through: i64,
    replaying: bool,
    /// While replaying: the newest position that came live, to be read from the log as well.
    newest: i64,
    /// While replaying: live events were missed, so one more slice must be read after this one.
    missed: bool,
}

impl Progress {
    /// Live only: whatever comes is sent, if it is after `through`.
    pub(crate) fn live(through: i64) -> Progress {
        Progress { through, replaying: false, newest: 0, missed: false }
    }

    /// First everything after `through` from the log, then live.
    pub(crate) fn replaying(through: i64) -> Progress {
        Progress { through, replaying: true, newest: 0, missed: false }
    }

    /// True while there is something to replay.
    pub(crate) fn is_replaying(&self) -> bool {
        self.replaying
    }

    /// Where to read on from, while there is something to replay.
    pub(crate) fn read_after(&mut self) -> Option<i64> {
        self.missed = false;
        self.replaying.then_some(self.through)
    }

    /// Decides about an event that comes live: true to send it now. One without a position is in
    /// no log and always sent.
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

    /// Decides about the word that everything up to `position` has come: true to pass it on.
    pub(crate) fn confirms(&mut self, position: i64) -> bool {
        if !self.replaying {
            self.through = self.through.max(position);
        }
        !self.replaying && position == self.through
    }

    /// Live events were missed. True while replaying, which will find them in the log.
    pub(crate) fn forgives(&mut self) -> bool {
        self.missed = true;
        self.replaying
    }

    /// Live events were missed: the log has them, and is read from the last event on.
    pub(crate) fn falls_back(&mut self) {
        if !self.forgives() {
            *self = Progress::replaying(self.through);
        }
    }

    /// The log no longer reaches back to this place: it goes on live, after what is returned. What
    /// came live meanwhile was not sent, and is not after the log's last position.
    pub(crate) fn resyncs(&mut self, position: i64) -> i64 {
        let position = position.max(self.newest).max(self.through);
        *self = Progress::live(position);
        position
    }

    /// A slice was sent that reaches `through`; `end` when the log went no further.
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
        /// Commit so many events.
        Commit(i64),
        /// Hand the next live events to the session.
        Deliver(usize),
        /// Lose the next live events, as a full mailbox does.
        Lose(usize),
        /// Read and send a slice of at most so many.
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

    proptest! {
        /// However commits, live deliveries, losses and slices interleave, each event after the
        /// start is sent once, in order. A loss while live ends a session; a subscription falls
        /// back to the log.
        #[test]
        fn each_event_once_in_order(
            steps in prop::collection::vec(step(), 0..60),
            before in 0_i64..20,
            start in 0_i64..20,
            falls_back: bool,
        ) {
            let start = start.min(before);
            // Joined with `before` committed, none of them delivered.
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
