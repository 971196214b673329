//! Members to test with: a probe that hands on what it hears, and can be held up, stopped and made to panic.

use std::pin::pin;
use std::task::{self, Poll, Waker};
use std::time::Duration;

use actix::{
    Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message, Recipient, WrapFuture,
};
use kilonova_pubsub::{Envelope, Lifeline, Payload, PubSub};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// What must happen has happened long before; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A member that hands on what it hears.
pub struct Probe {
    heard: mpsc::UnboundedSender<Envelope>,
    lifeline: Option<Lifeline>,
}

impl Actor for Probe {
    type Context = Context<Probe>;
}

impl Handler<Envelope> for Probe {
    type Result = ();

    fn handle(&mut self, envelope: Envelope, _: &mut Context<Probe>) {
        self.heard.send(envelope).ok();
    }
}

/// Handles nothing until the other end is used or dropped.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Hold(pub oneshot::Receiver<()>);

impl Handler<Hold> for Probe {
    type Result = ();

    fn handle(&mut self, hold: Hold, ctx: &mut Context<Probe>) {
        let held = async move { hold.0.await.unwrap_or_default() };
        ctx.wait(held.into_actor(self));
    }
}

/// Gives a probe its lifeline, which it keeps until it dies.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Keep(pub Lifeline);

impl Handler<Keep> for Probe {
    type Result = ();

    fn handle(&mut self, Keep(lifeline): Keep, _: &mut Context<Probe>) {
        self.lifeline = Some(lifeline);
    }
}

/// Makes a probe die.
#[derive(Message)]
#[rtype(result = "()")]
pub enum Die {
    /// It stops.
    Stop,
    /// It panics.
    Panic,
}

impl Handler<Die> for Probe {
    type Result = ();

    fn handle(&mut self, how: Die, ctx: &mut Context<Probe>) {
        match how {
            Die::Stop => ctx.stop(),
            Die::Panic => panic!("this panic is part of the test"),
        }
    }
}

/// A probe with its far end.
pub struct Member {
    /// Its address.
    pub addr: Addr<Probe>,
    heard: mpsc::UnboundedReceiver<Envelope>,
}

impl Member {
    /// Starts one with the default mailbox.
    pub fn start() -> Member {
        Member::with_capacity(16)
    }

    /// Starts one whose mailbox has this capacity.
    pub fn with_capacity(capacity: usize) -> Member {
        let (sender, heard) = mpsc::unbounded_channel();
        let addr = Probe::create(|ctx| {
            ctx.set_mailbox_capacity(capacity);
            Probe { heard: sender, lifeline: None }
        });
        Member { addr, heard }
    }

    /// Its address, as the process groups take it.
    pub fn recipient(&self) -> Recipient<Envelope> {
        self.addr.clone().recipient()
    }

    /// The next thing heard.
    pub async fn next(&mut self) -> Envelope {
        let next = timeout(PATIENCE, self.heard.recv()).await;
        next.expect("nothing is heard any more").expect("the member is gone")
    }

    /// The topic of the next thing heard.
    pub async fn topic(&mut self) -> String {
        self.next().await.topic().to_owned()
    }

    /// The topics of all that was heard up to now; a barrier at the registry has to come before.
    pub async fn topics(&mut self) -> Vec<String> {
        // Its mailbox is in order: what the registry put there is handled before this.
        let (release, held) = oneshot::channel();
        drop(release);
        self.addr.send(Hold(held)).await.ok();
        std::iter::from_fn(|| self.heard.try_recv().ok()).map(|e| e.topic().to_owned()).collect()
    }

    /// Makes it handle nothing until what is returned is dropped.
    pub async fn hold(&self) -> oneshot::Sender<()> {
        let (release, held) = oneshot::channel();
        self.addr.send(Hold(held)).await.unwrap();
        release
    }

    /// Gives it a lifeline to keep.
    pub async fn keep(&self, lifeline: Lifeline) {
        self.addr.send(Keep(lifeline)).await.unwrap();
    }

    /// Returns when it is dead.
    pub async fn die(&mut self, how: Die) {
        // A panic and a stop alike drop the far end as the last thing; what is still unheard is dropped too.
        self.addr.do_send(how);
        let gone = async { while self.heard.recv().await.is_some() {} };
        timeout(PATIENCE, gone).await.expect("it does not die");
    }

    /// Gives up its address; returns when it is dead because nobody has it any more.
    pub async fn abandon(mut self) {
        drop(self.addr);
        let gone = async { while self.heard.recv().await.is_some() {} };
        timeout(PATIENCE, gone).await.expect("somebody has its address");
    }
}

/// Sends a message without a payload.
pub async fn say(pubsub: &PubSub, channel: &str, topic: &str) {
    pubsub.broadcast(channel, topic, Payload::null()).await.unwrap();
}

/// Returns when everything asked of the registry before is done.
pub async fn barrier(pubsub: &PubSub) {
    pubsub.get_members("nobody is here").await.unwrap();
}

/// How often a member is in a channel.
pub async fn count(pubsub: &PubSub, channel: &str) -> usize {
    pubsub.get_members(channel).await.unwrap().len()
}

/// A wait that fails instead of going on for ever.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it takes too long")
}

/// The result of a future that must not have to wait.
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut task::Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("it has to wait"),
    }
}
