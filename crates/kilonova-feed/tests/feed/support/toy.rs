//! A log in memory that several feeds share, as several nodes share a database, and that can be
//! made to misbehave in each way that a log can.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};

use kilonova_feed::{Event, Log, LogState, NewEvent, Page, Subject, Visibility};
use kilonova_pubsub::{Channel, Payload};
use tokio::sync::{mpsc, watch};

/// See the module. All clones are the same log.
#[derive(Clone)]
pub(crate) struct Toy {
    kept: Arc<Mutex<Kept>>,
    /// The number of reads.
    reads: Arc<watch::Sender<usize>>,
    /// The visibility check of a `stuck` event waits for this lock.
    pub(crate) gate: Arc<Mutex<()>>,
    /// Held until this clone and all of its clones are dropped.
    _held: Option<mpsc::Sender<()>>,
}

struct Kept {
    events: Vec<Event>,
    oldest: i64,
    fault: Fault,
}

/// The fault of a log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    Nothing,
    Fails,
    Hangs,
    Panics,
    /// It panics before it returns a future.
    PanicsAtOnce,
    /// It ends this much earlier than it did.
    Backwards(i64),
    /// It has another id.
    Another,
    /// The event at this position is missing.
    Gap(i64),
    /// Its newest events come first.
    Unsorted,
    /// Each event comes twice.
    Doubled,
    /// Pages have an event of a channel that was not requested.
    Stranger,
    /// Pages claim to cover this many positions beyond the end.
    Covers(i64),
    /// It claims to end this much later than it does.
    Claims(i64),
}

#[derive(Debug, thiserror::Error)]
#[error("on purpose")]
pub(crate) struct OnPurpose;

/// The identity of a subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Viewer {
    /// Sees everything.
    Staff,
    /// Sees public events, and of `reduced` events only that they exist.
    Guest,
}

impl Toy {
    pub(crate) fn new() -> Toy {
        let kept = Kept { events: Vec::new(), oldest: 1, fault: Fault::Nothing };
        Toy {
            kept: Arc::new(Mutex::new(kept)),
            reads: Arc::default(),
            gate: Arc::default(),
            _held: None,
        }
    }

    /// The same log with a receiver that ends when the last clone is dropped.
    pub(crate) fn held(&self) -> (Toy, mpsc::Receiver<()>) {
        let (held, gone) = mpsc::channel(1);
        (Toy { _held: Some(held), ..self.clone() }, gone)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap()
    }

    /// Commits an event without announcing it.
    pub(crate) fn commit_event(&self, new: NewEvent) -> Event {
        let mut kept = self.kept();
        if new.redacts {
            let subject = new.subject.clone().expect("something that is redacted");
            let covered =
                |event: &&mut Event| event.subject().is_some_and(|about| subject.covers(about));
            for event in kept.events.iter_mut().filter(covered) {
                let told = serde_json::json!({"redacted": true});
                *event = event.with_payload(event.topic(), Payload::encode(&told).unwrap());
            }
        }
        let position = kept.events.len() as i64 + 1;
        let event = Event::committed(position, new, None);
        kept.events.push(event.clone());
        event
    }

    /// Commits a public event whose payload is its position.
    pub(crate) fn commit(&self, channel: &str) -> Event {
        self.commit_for(channel, "")
    }

    /// The same for an audience: `reduced`, `secret`, `stuck`, `panics`, or none for everyone.
    pub(crate) fn commit_for(&self, channel: &str, audience: &str) -> Event {
        self.commit_event(new_event(channel, &(self.end() + 1)).for_audience(audience))
    }

    /// The same, about a subject.
    pub(crate) fn commit_about(&self, channel: &str, says: &str, subject: Subject) -> Event {
        self.commit_event(new_event(channel, says).about(subject))
    }

    pub(crate) fn end(&self) -> i64 {
        self.kept().events.len() as i64
    }

    /// The payload of the event at a position.
    pub(crate) fn payload(&self, position: i64) -> String {
        let kept = self.kept();
        let event = usize::try_from(position - 1).ok().and_then(|index| kept.events.get(index));
        event.expect("an event").payload().as_json().to_owned()
    }

    /// Deletes the events before this position.
    pub(crate) fn prune(&self, oldest: i64) {
        self.kept().oldest = oldest;
    }

    pub(crate) fn set(&self, fault: Fault) {
        self.kept().fault = fault;
    }

    /// Waits until it was read this many more times.
    pub(crate) async fn is_read(&self, times: usize) {
        let mut reads = self.reads.subscribe();
        let until = *reads.borrow_and_update() + times;
        let read = reads.wait_for(|reads| *reads >= until);
        kilonova_test::member::soon(read).await.expect("a log");
    }

    /// The positions of the events on some channels that a viewer sees, after `after` and up to
    /// `through`.
    pub(crate) fn seen(
        &self,
        viewer: Viewer,
        channels: &[&str],
        after: i64,
        through: i64,
    ) -> Vec<i64> {
        let kept = self.kept();
        let events = kept.events.iter().filter(|event| {
            (after + 1..=through).contains(&event.position())
                && channels.contains(&event.channel().as_str())
                && (viewer == Viewer::Staff || event.audience() != "secret")
        });
        events.map(Event::position).collect()
    }

    async fn answer<T>(&self, answer: impl FnOnce(&Kept) -> T) -> Result<T, OnPurpose> {
        let fault = self.kept().fault;
        self.reads.send_modify(|reads| *reads += 1);
        match fault {
            Fault::Fails => Err(OnPurpose),
            Fault::Hangs => pending().await,
            Fault::Panics => panic!("this panic is part of the test"),
            _ => Ok(answer(&self.kept())),
        }
    }
}

/// An event with this payload.
pub(crate) fn new_event(channel: &str, says: &(impl serde::Serialize + ?Sized)) -> NewEvent {
    NewEvent::new(channel, "happened", says).unwrap()
}

impl Kept {
    fn state(&self) -> LogState {
        let end = self.events.len() as i64;
        let (id, position) = match self.fault {
            Fault::Another => ("another", end),
            Fault::Backwards(by) => ("toy", end - by),
            Fault::Claims(more) => ("toy", end + more),
            _ => ("toy", end),
        };
        LogState { id: id.into(), oldest: self.oldest, position }
    }

    fn page(&self, after: i64, channels: Option<&[Channel]>, limit: usize) -> Page {
        let state = self.state();
        let asked = |event: &&Event| {
            event.position() > after
                && event.position() >= self.oldest
                && event.position() <= state.position
                && channels.is_none_or(|channels| channels.contains(event.channel()))
        };
        // Small pages, so that most replays take several.
        let limit = limit.min(7);
        let mut events: Vec<Event> =
            self.events.iter().filter(asked).take(limit + 1).cloned().collect();
        let more = events.len() > limit;
        events.truncate(limit);
        match self.fault {
            Fault::Gap(missing) => events.retain(|event| event.position() != missing),
            Fault::Unsorted => events.reverse(),
            Fault::Doubled => events = events.iter().flat_map(|e| [e.clone(), e.clone()]).collect(),
            Fault::Stranger if channels.is_some() => {
                events.push(Event::new(state.position, "stranger", "happened", Payload::null()));
            }
            _ => {}
        }
        let mut page = Page::new(state, events, more);
        if let Fault::Covers(more) = self.fault {
            page.through = page.state.position + more;
        }
        page
    }
}

impl Log for Toy {
    type Viewer = Viewer;
    type Error = OnPurpose;

    fn state(&self) -> impl Future<Output = Result<LogState, OnPurpose>> + Send {
        assert!(self.kept().fault != Fault::PanicsAtOnce, "this panic is part of the test");
        self.answer(Kept::state)
    }

    fn after(
        &self,
        position: i64,
        channels: Option<&[Channel]>,
        limit: usize,
    ) -> impl Future<Output = Result<Page, OnPurpose>> + Send {
        if self.kept().fault == Fault::PanicsAtOnce {
            self.reads.send_modify(|reads| *reads += 1);
            panic!("this panic is part of the test");
        }
        self.answer(move |kept| kept.page(position, channels, limit))
    }

    fn visibility(&self, viewer: &Viewer, event: &Event) -> Visibility {
        if event.audience() == "stuck" {
            drop(self.gate.lock());
        }
        assert!(event.audience() != "panics", "this panic is part of the test");
        match (viewer, event.audience()) {
            (Viewer::Guest, "secret") => Visibility::Hidden,
            // The position is wrong, which must not matter.
            (Viewer::Guest, "reduced") => Visibility::Reduced(Event::new(
                event.position() + 1000,
                event.channel().clone(),
                "reduced",
                Payload::null(),
            )),
            _ => Visibility::Whole,
        }
    }
}
