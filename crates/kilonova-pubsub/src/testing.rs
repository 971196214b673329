//! A member for tests. Owns a probe that records what it receives, and that a test can hold, stop
//! and make panic; leaves assertions to the test.
//!
//! Needs the feature `testing`; enable it in `[dev-dependencies]`.
//!
//! ```
//! use kilonova_pubsub::testing::Probe;
//! use kilonova_pubsub::{Payload, PubSub};
//!
//! # actix::System::new().block_on(async {
//! let pubsub = PubSub::start("node-1");
//! let mut probe = Probe::start();
//! pubsub.join("notes", probe.recipient()).await?;
//! pubsub.broadcast("notes", "note_created", Payload::null()).await?;
//! assert_eq!(probe.next().await.topic(), "note_created");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use actix::WrapFuture;
use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message, Recipient};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::{Envelope, Lifeline};

/// How long a test waits for an event that must happen. A test that waits this long has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The number of envelopes that a probe keeps until the test reads them. A probe that receives more
/// panics.
const KEPT: usize = 1 << 20;

/// A member that passes the envelopes it receives to the test.
///
/// Dropping it drops the actor's address, so a probe that is in no channel stops.
#[derive(Debug)]
pub struct Probe {
    /// The actor's address.
    pub addr: Addr<ProbeActor>,
    heard: mpsc::Receiver<Envelope>,
}

impl Probe {
    /// Starts a probe with actix's default mailbox, on the current arbiter.
    pub fn start() -> Probe {
        Probe::with_capacity(16)
    }

    /// Starts a probe whose mailbox has this capacity.
    pub fn with_capacity(capacity: usize) -> Probe {
        let (sender, heard) = mpsc::channel(KEPT);
        let addr = ProbeActor::create(|ctx| {
            ctx.set_mailbox_capacity(capacity);
            ProbeActor { heard: sender, lifeline: None }
        });
        Probe { addr, heard }
    }

    /// The actor's address, in the form that the process groups accept.
    pub fn recipient(&self) -> Recipient<Envelope> {
        self.addr.clone().recipient()
    }

    /// The next envelope received. Panics if none arrives within [`PATIENCE`].
    pub async fn next(&mut self) -> Envelope {
        let next = timeout(PATIENCE, self.heard.recv()).await;
        next.expect("the probe receives nothing").expect("the probe is dead")
    }

    /// The topic of the next envelope received. Panics like [`Probe::next`].
    pub async fn topic(&mut self) -> String {
        self.next().await.topic().to_owned()
    }

    /// The topics of all envelopes that were received or are in the mailbox, without waiting for
    /// more.
    ///
    /// A call that the registry answers, such as
    /// [`PubSub::get_members`](super::PubSub::get_members), is the barrier to await first:
    /// afterwards, everything sent before is in the mailbox.
    pub async fn topics(&mut self) -> Vec<String> {
        // The mailbox is ordered: envelopes that the registry put there are handled before this.
        let (release, held) = oneshot::channel();
        drop(release);
        self.addr.send(Hold(held)).await.ok();
        std::iter::from_fn(|| self.heard.try_recv().ok()).map(|e| e.topic().to_owned()).collect()
    }

    /// Makes the probe handle nothing until the returned sender is used or dropped.
    pub async fn hold(&self) -> oneshot::Sender<()> {
        let (release, held) = oneshot::channel();
        self.addr.send(Hold(held)).await.expect("the probe is dead");
        release
    }

    /// Gives the probe a lifeline, which it keeps until it dies.
    pub async fn keep(&self, lifeline: Lifeline) {
        self.addr.send(Keep(lifeline)).await.expect("the probe is dead");
    }

    /// Makes the probe die; returns when it is dead.
    pub async fn die(&mut self, how: Die) {
        self.addr.do_send(how);
        // Both a panic and a stop drop the sender last, after all envelopes that were not handled.
        gone(&mut self.heard).await;
    }

    /// Drops the probe's address; returns when the probe is dead because nobody else holds it.
    pub async fn abandon(self) {
        let Probe { addr, mut heard } = self;
        drop(addr);
        gone(&mut heard).await;
    }
}

async fn gone(heard: &mut mpsc::Receiver<Envelope>) {
    let gone = async { while heard.recv().await.is_some() {} };
    timeout(PATIENCE, gone).await.expect("the probe does not die");
}

/// The actor behind a [`Probe`].
#[derive(Debug)]
pub struct ProbeActor {
    heard: mpsc::Sender<Envelope>,
    lifeline: Option<Lifeline>,
}

impl Actor for ProbeActor {
    type Context = Context<ProbeActor>;
}

impl Handler<Envelope> for ProbeActor {
    type Result = ();

    fn handle(&mut self, envelope: Envelope, _: &mut Context<ProbeActor>) {
        match self.heard.try_send(envelope) {
            Err(mpsc::error::TrySendError::Full(_)) => panic!("the test does not read its probe"),
            // The test no longer reads.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
        }
    }
}

/// Makes a probe handle nothing until the other end is used or dropped.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Hold(pub oneshot::Receiver<()>);

impl Handler<Hold> for ProbeActor {
    type Result = ();

    fn handle(&mut self, hold: Hold, ctx: &mut Context<ProbeActor>) {
        let held = async move { hold.0.await.unwrap_or_default() };
        ctx.wait(held.into_actor(self));
    }
}

/// Gives a probe a lifeline, which it keeps until it dies.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Keep(pub Lifeline);

impl Handler<Keep> for ProbeActor {
    type Result = ();

    fn handle(&mut self, Keep(lifeline): Keep, _: &mut Context<ProbeActor>) {
        self.lifeline = Some(lifeline);
    }
}

/// Makes a probe die.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum Die {
    /// It stops.
    Stop,
    /// It panics.
    Panic,
}

impl Handler<Die> for ProbeActor {
    type Result = ();

    fn handle(&mut self, how: Die, ctx: &mut Context<ProbeActor>) {
        match how {
            Die::Stop => ctx.stop(),
            Die::Panic => panic!("this panic is part of the test"),
        }
    }
}
