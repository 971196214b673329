//! Members that share a thread: the registry sends a message to the thread once, and the members
//! receive it without a mailbox and a wake-up each. Owns the path from the registry to these
//! members; leaves membership to `Groups` and missed messages to `Laggards`.
//!
//! With a mailbox for each member, a delivery costs two allocations and a wake-up across threads.
//! For thousands of small messages this is more than all other work.

use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::System;
use slab::Slab;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::yield_now;

use super::Envelope;
use super::subscriber::{Delivery, Subscriber};

/// How many bytes may wait for a thread. Beyond this limit, its members miss messages.
const ROOM: usize = 64 * 1024 * 1024;

/// The approximate size of an envelope without its payload, in bytes.
const ENVELOPE: usize = 512;

/// How long members receive messages before the dispatcher yields to other tasks on the thread.
const STREAK: Duration = Duration::from_micros(200);

/// How many deliveries pass between two readings of the clock.
const LOOK: usize = 32;

/// With more receivers than this, copying the envelopes for the thread is worthwhile.
const FEW: usize = 4;

thread_local! {
    static CURRENT: RefCell<Option<(usize, Dispatcher)>> = const { RefCell::new(None) };
}

/// A member on its own thread, as its dispatcher calls it. No call may block.
pub trait Receive {
    /// Receives envelopes of one channel, in order. [`Post::rouse`] calls it without envelopes.
    ///
    /// Returns true if [`Receive::flush`] must follow and no earlier call has requested it.
    fn receive(&self, envelopes: &[Envelope]) -> bool;

    /// Passes on what the member has received: the batch is complete.
    fn flush(&self);

    /// Ends the member after one of its other functions panicked.
    fn fail(&self);
}

/// Delivers messages to the members of one thread.
#[derive(Clone)]
pub struct Dispatcher {
    members: Rc<RefCell<Members>>,
    post: Post,
}

#[derive(Default)]
struct Members {
    slots: Slab<(u32, Rc<dyn Receive>)>,
    // Each member gets a new number, so a member that reuses a slot is not mistaken for the
    // previous one.
    number: u32,
}

/// Sends to a thread's members, from any thread.
#[derive(Clone)]
pub struct Post(Arc<Queue>);

struct Queue {
    batches: mpsc::UnboundedSender<(Batch, OwnedSemaphorePermit)>,
    // Bounds the queue: one permit for each byte.
    room: Arc<Semaphore>,
}

/// Sends to one member of a thread.
#[derive(Clone, Debug)]
pub struct Route {
    post: Post,
    key: Key,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    slot: u32,
    number: u32,
}

enum Batch {
    /// Envelopes, in order.
    Runs(Vec<Run>),
    /// A call to every member, without envelopes.
    Rouse,
    /// Dropped when the members have received everything sent before it.
    Turn(oneshot::Sender<()>),
}

/// Envelopes of one channel, and their receivers.
struct Run {
    envelopes: Vec<Envelope>,
    keys: Vec<Key>,
}

/// Ends the route to its member when dropped.
#[must_use = "a route without its receiver leads nowhere"]
pub struct Receiving {
    members: Weak<RefCell<Members>>,
    route: Route,
}

impl Dispatcher {
    /// Returns the current thread's dispatcher, starting it if there is none.
    ///
    /// # Panics
    ///
    /// Panics on a thread without an actix arbiter.
    pub fn current() -> Dispatcher {
        let system = System::current().id();
        let known = CURRENT.with_borrow(|current| match current {
            Some((of, current)) if *of == system && current.post.is_open() => Some(current.clone()),
            // The thread has no dispatcher, or a new arbiter.
            _ => None,
        });
        known.unwrap_or_else(|| {
            let new = Dispatcher::start();
            let old = CURRENT.replace(Some((system, new.clone())));
            drop(old);
            new
        })
    }

    fn start() -> Dispatcher {
        let (batches, waiting) = mpsc::unbounded_channel();
        let members = Rc::default();
        actix::spawn(dispatch(Rc::clone(&members), waiting));
        Dispatcher {
            members,
            post: Post(Arc::new(Queue { batches, room: Arc::new(Semaphore::new(ROOM)) })),
        }
    }

    /// Opens a route to `member`, which ends when the returned value is dropped.
    pub fn register(&self, member: Rc<dyn Receive>) -> Receiving {
        let mut members = self.members.borrow_mut();
        members.number = members.number.wrapping_add(1);
        let number = members.number;
        let slot = members.slots.insert((number, member));
        let key = Key { slot: short(slot), number };
        let route = Route { post: self.post.clone(), key };
        Receiving { members: Rc::downgrade(&self.members), route }
    }

    /// Sends to this thread.
    pub fn post(&self) -> &Post {
        &self.post
    }
}

impl Receiving {
    /// The route that the member joins with.
    pub fn route(&self) -> &Route {
        &self.route
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        let Some(members) = self.members.upgrade() else { return };
        let slot = self.route.key.slot as usize;
        // Dropped after the borrow has ended: the member's destructor may drop other `Receiving`s.
        let member = members.borrow_mut().slots.try_remove(slot);
        drop(member);
    }
}

impl fmt::Debug for Receiving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiving").field("route", &self.route).finish_non_exhaustive()
    }
}

impl Members {
    fn keys(&self) -> Vec<Key> {
        let key = |(slot, member): (usize, &(u32, _))| Key { slot: short(slot), number: member.0 };
        self.slots.iter().map(key).collect()
    }

    fn get(&self, key: Key) -> Option<Rc<dyn Receive>> {
        let (number, member) = self.slots.get(key.slot as usize)?;
        (*number == key.number).then(|| Rc::clone(member))
    }
}

/// A slot as the four bytes that keys store. Memory runs out before they do.
fn short(slot: usize) -> u32 {
    u32::try_from(slot).unwrap_or(u32::MAX)
}

async fn dispatch(
    members: Rc<RefCell<Members>>,
    mut waiting: mpsc::UnboundedReceiver<(Batch, OwnedSemaphorePermit)>,
) {
    let mut streak = Streak::new();
    while let Some((batch, permit)) = waiting.recv().await {
        let runs = match batch {
            Batch::Runs(runs) => runs,
            Batch::Rouse => vec![Run { envelopes: Vec::new(), keys: members.borrow().keys() }],
            Batch::Turn(turn) => {
                // The tasks that the members woke run first.
                yield_now().await;
                streak = Streak::new();
                drop(turn);
                continue;
            }
        };
        // A member may be in several runs; it passes on all of them together.
        let is_only = runs.len() == 1;
        let mut unflushed = Vec::new();
        for Run { envelopes, keys } in runs {
            let own = match keys.len() > FEW {
                true => envelopes.iter().map(Envelope::for_thread).collect(),
                false => envelopes,
            };
            for key in keys {
                let member = members.borrow().get(key);
                let Some(member) = member else { continue };
                let mut must_flush = false;
                guarded(&*member, || {
                    must_flush = member.receive(&own);
                    if must_flush && is_only {
                        member.flush();
                    }
                });
                if must_flush && !is_only {
                    unflushed.push(key);
                }
                streak.pause(own.len()).await;
            }
        }
        for key in unflushed {
            let member = members.borrow().get(key);
            if let Some(member) = member {
                guarded(&*member, || member.flush());
                streak.pause(1).await;
            }
        }
        drop(permit);
    }
}

/// Calls a member. A panic ends this member and no other.
fn guarded(member: &dyn Receive, call: impl FnOnce()) {
    let Err(panic) = catch_unwind(AssertUnwindSafe(call)) else { return };
    // The payload's destructor may panic too.
    std::mem::forget(panic);
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| member.fail())) {
        std::mem::forget(panic);
    }
}

/// How long the members have occupied the thread.
struct Streak {
    begun: Instant,
    deliveries: usize,
}

impl Streak {
    fn new() -> Streak {
        Streak { begun: Instant::now(), deliveries: 0 }
    }

    async fn pause(&mut self, deliveries: usize) {
        self.deliveries += deliveries.max(1);
        if self.deliveries >= LOOK {
            self.deliveries = 0;
            if self.begun.elapsed() >= STREAK {
                yield_now().await;
                self.begun = Instant::now();
            }
        }
    }
}

impl Post {
    /// Closes the returned channel when the thread's members have received everything sent before.
    /// Returns `None` when the thread has ended.
    pub fn turn(&self) -> Option<oneshot::Receiver<()>> {
        let (turn, taken) = oneshot::channel();
        self.send(Batch::Turn(turn), self.reserve(0)?).then_some(taken)
    }

    /// Calls [`Receive::receive`] of every member without envelopes, after everything sent before.
    pub fn rouse(&self) {
        let roused = self.reserve(0).is_some_and(|permit| self.send(Batch::Rouse, permit));
        if !roused {
            log::debug!("a thread has ended, and its members with it");
        }
    }

    /// The bytes of envelopes that are waiting for the thread.
    pub fn waiting(&self) -> usize {
        ROOM.saturating_sub(self.0.room.available_permits())
    }

    fn reserve(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        // An envelope larger than the room takes all of it.
        let bytes = u32::try_from(bytes.min(ROOM)).ok()?;
        Arc::clone(&self.0.room).try_acquire_many_owned(bytes).ok()
    }

    /// Returns false if the thread has ended.
    fn send(&self, batch: Batch, permit: OwnedSemaphorePermit) -> bool {
        self.0.batches.send((batch, permit)).is_ok()
    }

    fn is_open(&self) -> bool {
        !self.0.batches.is_closed()
    }
}

impl PartialEq for Post {
    fn eq(&self, other: &Post) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Post")
    }
}

impl Route {
    /// Sends an envelope to this member only.
    ///
    /// A notice waits until half of the room is free. Otherwise it would fit where the next message
    /// does not, and every missed message would cause a notice.
    pub(super) fn send(&self, envelope: Envelope) -> Delivery {
        if envelope.lagged().is_some() && self.post.0.room.available_permits() < ROOM / 2 {
            return if self.is_open() { Delivery::Full } else { Delivery::Dead };
        }
        let Some(permit) = self.post.reserve(weight(&envelope)) else {
            return if self.is_open() { Delivery::Full } else { Delivery::Dead };
        };
        let run = Run { envelopes: vec![envelope], keys: vec![self.key] };
        match self.post.send(Batch::Runs(vec![run]), permit) {
            true => Delivery::Sent,
            false => Delivery::Dead,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.post.is_open()
    }
}

fn weight(envelope: &Envelope) -> usize {
    ENVELOPE + envelope.payload().as_json().len()
}

/// The messages of one request to members with routes, by thread.
#[derive(Default)]
pub(super) struct Round {
    threads: Vec<Outgoing>,
}

struct Outgoing {
    post: Post,
    room: OwnedSemaphorePermit,
    runs: Vec<Run>,
    // The number of the last run.
    number: usize,
}

impl Round {
    /// Adds a member to a run. Each run has a higher number than the one before. Returns false if
    /// the member has no route or its thread has no room.
    ///
    /// Only for members that have missed nothing: a notice must come first.
    pub(super) fn take(&mut self, member: &Subscriber, run: &[Envelope], number: usize) -> bool {
        let Some(Route { post, key }) = member.route() else { return false };
        let known = self.threads.iter().position(|thread| thread.post == *post);
        if let Some(index) = known
            && self.threads[index].number == number
            && let Some(run) = self.threads[index].runs.last_mut()
        {
            run.keys.push(*key);
            return true;
        }
        let Some(room) = post.reserve(run.iter().map(weight).sum()) else { return false };
        let run = Run { envelopes: run.to_vec(), keys: vec![*key] };
        match known {
            Some(index) => {
                let thread = &mut self.threads[index];
                thread.room.merge(room);
                thread.runs.push(run);
                thread.number = number;
            }
            None => {
                self.threads.push(Outgoing { post: post.clone(), room, runs: vec![run], number })
            }
        }
        true
    }

    /// Sends what was added for the thread of `member`, so that a direct message to `member` comes
    /// after it.
    pub(super) fn send_before(&mut self, member: &Subscriber) {
        let Some(Route { post, .. }) = member.route() else { return };
        if let Some(index) = self.threads.iter().position(|thread| thread.post == *post) {
            self.threads.swap_remove(index).send();
        }
    }

    pub(super) fn send(self) {
        self.threads.into_iter().for_each(Outgoing::send);
    }
}

impl Outgoing {
    fn send(self) {
        if !self.post.send(Batch::Runs(self.runs), self.room) {
            log::debug!("a thread has ended, and its members with it");
        }
    }
}
