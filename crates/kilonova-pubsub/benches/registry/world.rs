//! A registry with members that are running actors, on a different thread from the registry.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use actix::{Actor, Addr, Arbiter, Context, Handler, Recipient, System, SystemRunner};
use kilonova_pubsub::{Channel, Envelope, Lifeline, Payload, PubSub};

use crate::size::Size;

/// A member that counts the messages that reach it.
pub(crate) struct Ear(Arc<AtomicUsize>);

impl Actor for Ear {
    type Context = Context<Ear>;
}

impl Handler<Envelope> for Ear {
    type Result = ();

    fn handle(&mut self, envelope: Envelope, _: &mut Context<Ear>) {
        assert_eq!(envelope.lagged(), None, "a delivery is lost");
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

pub(crate) struct World {
    system: SystemRunner,
    pubsub: PubSub,
    elsewhere: Arbiter,
    size: Size,
    names: Vec<Channel>,
    ears: Vec<Addr<Ear>>,
    heard: Arc<AtomicUsize>,
    sent: AtomicUsize,
}

impl World {
    /// Starts the members, none of which has joined a channel.
    pub(crate) fn new(size: Size) -> World {
        let system = System::new();
        let (pubsub, elsewhere) =
            system.block_on(async { (PubSub::start("bench"), Arbiter::new()) });
        let heard = Arc::new(AtomicUsize::new(0));
        let (started, ears) = mpsc::channel();
        let count = Arc::clone(&heard);
        elsewhere.spawn_fn(move || {
            let ears = std::iter::repeat_with(|| Ear(Arc::clone(&count)).start());
            started.send(ears.take(size.members).collect()).unwrap();
        });
        let (names, ears, sent) = (size.names(), ears.recv().unwrap(), AtomicUsize::new(0));
        World { system, pubsub, elsewhere, size, names, ears, heard, sent }
    }

    pub(crate) fn filled(size: Size) -> World {
        let world = World::new(size);
        world.join(0..size.members);
        world
    }

    pub(crate) fn join(&self, members: impl IntoIterator<Item = usize>) {
        self.system.block_on(async {
            for (channel, member) in self.memberships(members) {
                self.pubsub.join(channel, member).await.unwrap();
            }
        });
    }

    pub(crate) fn leave(&self, members: impl IntoIterator<Item = usize>) {
        self.system.block_on(async {
            for (channel, member) in self.memberships(members) {
                self.pubsub.leave(channel, member).await.unwrap();
            }
        });
    }

    fn memberships(
        &self,
        members: impl IntoIterator<Item = usize>,
    ) -> impl Iterator<Item = (&str, Recipient<Envelope>)> {
        members.into_iter().flat_map(move |member| {
            let joined = self.size.channels_of(member);
            joined.map(move |channel| {
                (self.names[channel].as_str(), self.ears[member].clone().recipient())
            })
        })
    }

    pub(crate) fn lifelines(&self, members: impl IntoIterator<Item = usize>) -> Vec<Lifeline> {
        members.into_iter().map(|member| self.pubsub.lifeline(self.ears[member].clone())).collect()
    }

    /// Returns when the registry has executed all earlier requests.
    pub(crate) fn barrier(&self) {
        self.system.block_on(self.pubsub.get_members("nobody is here")).unwrap();
    }

    /// Sends a message to a channel; returns when it is in every mailbox.
    pub(crate) fn broadcast(&self, channel: usize) {
        self.sent.fetch_add(self.size.in_each(), Ordering::Relaxed);
        self.system.block_on(async {
            let name = &self.names[channel];
            self.pubsub.broadcast(name, "", Payload::null()).await.unwrap();
            self.pubsub.get_members("nobody is here").await.unwrap();
        });
    }

    /// Blocks the members' thread until the returned sender is dropped.
    pub(crate) fn hold(&self) -> mpsc::Sender<()> {
        let ((release, held), (holding, is_held)) = (mpsc::channel(), mpsc::channel());
        self.elsewhere.spawn_fn(move || {
            holding.send(()).unwrap();
            held.recv().ok();
        });
        is_held.recv().unwrap();
        release
    }

    /// Returns when the members have handled everything; fails if they received more than was sent.
    pub(crate) fn hear(&self) {
        loop {
            match (self.heard.load(Ordering::Relaxed), self.sent.load(Ordering::Relaxed)) {
                (heard, sent) if heard < sent => std::thread::yield_now(),
                (heard, sent) => return assert_eq!(heard, sent, "a delivery is duplicated"),
            }
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.elsewhere.stop();
    }
}
