//! Members that share a thread: the registry hands a message over once for all of them, and they
//! take it without a mailbox and a wake-up each. Owns the way from the registry to these members;
//! leaves membership to `Groups` and what was missed to `Laggards`.
//!
//! A mailbox for each member costs a delivery two allocations and a task that is woken across
//! threads, which for thousands of small messages is more than the rest of it.

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

/// How many bytes may wait for a thread; beyond it, its members miss messages.
const ROOM: usize = 64 * 1024 * 1024;

/// What an envelope takes beside its payload, about.
const ENVELOPE: usize = 512;

/// How long members take messages before everything else on the thread has its turn.
const STREAK: Duration = Duration::from_micros(200);

/// How many deliveries pass between two looks at the clock.
const LOOK: usize = 32;

/// From how many members on envelopes of the thread's own are worth it.
const FEW: usize = 4;

thread_local! {
    static CURRENT: RefCell<Option<(usize, Dispatcher)>> = const { RefCell::new(None) };
}

/// A member's side of it, on its own thread. No call may block.
pub trait Receive {
    /// Takes envelopes of one channel, in order; none when everyone is roused ([`Post::rouse`]).
    ///
    /// True if [`Receive::flush`] must follow, and no call before has said so.
    fn receive(&self, envelopes: &[Envelope]) -> bool;

    /// Passes on what it has taken: nothing more has come with it.
    fn flush(&self);

    /// One of the others has panicked.
    fn fail(&self);
}

/// Hands messages to the members of one thread.
#[derive(Clone)]
pub struct Dispatcher {
    members: Rc<RefCell<Members>>,
    post: Post,
}

#[derive(Default)]
struct Members {
    slots: Slab<(u32, Rc<dyn Receive>)>,
    // Told apart by this number, members that have the same slot one after the other are not
    // mistaken for each other.
    number: u32,
}

/// The way to a thread's members, from any thread.
#[derive(Clone)]
pub struct Post(Arc<Queue>);

struct Queue {
    batches: mpsc::UnboundedSender<(Batch, OwnedSemaphorePermit)>,
    // Bounds it: a permit for each byte.
    room: Arc<Semaphore>,
}

/// The way to one of them.
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
    /// In order.
    Runs(Vec<Run>),
    /// For all members, of all channels.
    Rouse,
    /// Dropped when all that came before it has been taken.
    Turn(oneshot::Sender<()>),
}

/// Envelopes of one channel, and whom they are for.
struct Run {
    envelopes: Vec<Envelope>,
    keys: Vec<Key>,
}

/// Ends the route to its member when it is dropped.
#[must_use = "a route without its receiver leads nowhere"]
pub struct Receiving {
    members: Weak<RefCell<Members>>,
    route: Route,
}

impl Dispatcher {
    /// The current thread's.
    ///
    /// # Panics
    ///
    /// On a thread without an actix arbiter.
    pub fn current() -> Dispatcher {
        let system = System::current().id();
        let known = CURRENT.with_borrow(|current| match current {
            Some((of, current)) if *of == system && current.post.is_open() => Some(current.clone()),
            // The thread has a new arbiter, or its first one.
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

    /// Opens a route to `member`, for as long as what is returned lives.
    pub fn register(&self, member: Rc<dyn Receive>) -> Receiving {
        let mut members = self.members.borrow_mut();
        members.number = members.number.wrapping_add(1);
        let number = members.number;
        let slot = members.slots.insert((number, member));
        let key = Key { slot: short(slot), number };
        let route = Route { post: self.post.clone(), key };
        Receiving { members: Rc::downgrade(&self.members), route }
    }

    /// The way to this thread.
    pub fn post(&self) -> &Post {
        &self.post
    }
}

impl Receiving {
    /// For joining.
    pub fn route(&self) -> &Route {
        &self.route
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        let Some(members) = self.members.upgrade() else { return };
        let slot = self.route.key.slot as usize;
        // Dropped after the borrow has ended: its end may end others.
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

/// A slot in the four bytes that it is kept in. Memory ends before they do.
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
                // What the members woke has its turn first.
                yield_now().await;
                streak = Streak::new();
                drop(turn);
                continue;
            }
        };
        // With several runs a member may be in each; it passes on everything together.
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

/// A panic ends its member and no other.
fn guarded(member: &dyn Receive, call: impl FnOnce()) {
    let Err(panic) = catch_unwind(AssertUnwindSafe(call)) else { return };
    // Its destructor is a stranger's too.
    std::mem::forget(panic);
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| member.fail())) {
        std::mem::forget(panic);
    }
}

/// How long the members have kept the thread.
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
    /// Closes the returned channel when the thread's members have taken everything that was sent
    /// before; `None` when the thread has ended.
    pub fn turn(&self) -> Option<oneshot::Receiver<()>> {
        let (turn, taken) = oneshot::channel();
        self.send(Batch::Turn(turn), self.reserve(0)?).then_some(taken)
    }

    /// Calls every member of the thread without an envelope, behind everything that was sent before.
    pub fn rouse(&self) {
        let roused = self.reserve(0).is_some_and(|permit| self.send(Batch::Rouse, permit));
        if !roused {
            log::debug!("a thread has ended, and its members with it");
        }
    }

    /// The bytes of envelopes that wait for the thread.
    pub fn waiting(&self) -> usize {
        ROOM.saturating_sub(self.0.room.available_permits())
    }

    fn reserve(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        // Whatever is larger than the room has it to itself.
        let bytes = u32::try_from(bytes.min(ROOM)).ok()?;
        Arc::clone(&self.0.room).try_acquire_many_owned(bytes).ok()
    }

    /// False when the thread has ended.
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
    /// Sends to this member alone.
    ///
    /// A notice waits until half of the room is free: it would fit where the next message does not,
    /// and there would be a notice for each.
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

/// What one request sends to the members that have routes, by their threads.
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
    /// Takes a member in for a run, whose number is higher than that of the run before; false if it
    /// has no route, or its thread no room.
    ///
    /// Only for members that have missed nothing, which must be told first.
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

    /// Sends what was taken in for the thread of `member`: what it is sent another way comes after.
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
