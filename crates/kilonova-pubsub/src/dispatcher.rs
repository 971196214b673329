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

use slab::Slab;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::yield_now;

use super::Envelope;
use super::subscriber::{Delivery, Subscriber};

/// How many envelopes may wait for a thread, as many as for a subscription; beyond it, its members
/// miss messages.
const ROOM: u32 = 1024;

/// How many members take a batch before everything else on the thread has its turn.
const STREAK: usize = 64;

/// From how many members on a batch is worth envelopes of its own.
const FEW: usize = 4;

thread_local! {
    static CURRENT: RefCell<Option<Dispatcher>> = const { RefCell::new(None) };
}

/// A member's side of it, on its own thread.
pub trait Receive {
    /// Takes envelopes of one channel, in order; none when everyone is roused ([`Post::rouse`]). It
    /// must not block.
    fn receive(&self, envelopes: &[Envelope]);

    /// [`Receive::receive`] has panicked.
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
    // Bounds it: a permit for each envelope.
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
    Envelopes(Vec<Envelope>, Vec<Key>),
    /// For all members, of all channels.
    Rouse,
    /// Dropped when all that came before it has been taken.
    Turn(oneshot::Sender<()>),
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
        CURRENT.with_borrow_mut(|current| match current {
            Some(current) if current.post.is_open() => current.clone(),
            // The thread has a new arbiter, or its first one.
            other => other.insert(Dispatcher::start()).clone(),
        })
    }

    fn start() -> Dispatcher {
        let (batches, waiting) = mpsc::unbounded_channel();
        let members = Rc::default();
        actix::spawn(dispatch(Rc::clone(&members), waiting));
        let room = Arc::new(Semaphore::new(ROOM as usize));
        Dispatcher { members, post: Post(Arc::new(Queue { batches, room })) }
    }

    /// A route to `member`, for as long as what is returned lives.
    pub fn receive(&self, member: Rc<dyn Receive>) -> Receiving {
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

impl Members {
    fn keys(&self) -> Vec<Key> {
        let key =
            |(slot, (number, _)): (usize, &(u32, _))| Key { slot: short(slot), number: *number };
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
    let mut streak = 0;
    while let Some((batch, permit)) = waiting.recv().await {
        let (envelopes, keys) = match batch {
            Batch::Envelopes(envelopes, keys) => (envelopes, keys),
            Batch::Rouse => (Vec::new(), members.borrow().keys()),
            Batch::Turn(turn) => {
                // What the members woke has its turn first.
                yield_now().await;
                streak = 0;
                drop(turn);
                continue;
            }
        };
        let own = match keys.len() > FEW {
            true => envelopes.iter().map(Envelope::for_thread).collect(),
            false => envelopes,
        };
        for key in keys {
            if streak == STREAK {
                yield_now().await;
                streak = 0;
            }
            streak += 1;
            let member = members.borrow().get(key);
            if let Some(member) = member
                && catch_unwind(AssertUnwindSafe(|| member.receive(&own))).is_err()
            {
                member.fail();
            }
        }
        drop(permit);
    }
}

impl Post {
    /// Waits until the thread's members have taken everything that was sent before. `None` when
    /// too much waits for the thread; an error when it has ended.
    pub fn turn(&self) -> Result<Option<oneshot::Receiver<()>>, Gone> {
        let (turn, taken) = oneshot::channel();
        match self.reserve(1) {
            Some(permit) => self.send(Batch::Turn(turn), permit).map(|()| Some(taken)),
            None if self.is_open() => Ok(None),
            None => Err(Gone),
        }
    }

    /// Calls every member of the thread without an envelope, behind everything that was sent before.
    pub fn rouse(&self) {
        if let Some(permit) = self.reserve(0)
            && self.send(Batch::Rouse, permit).is_err()
        {
            log::debug!("a thread has ended, and its members with it");
        }
    }

    fn reserve(&self, envelopes: usize) -> Option<OwnedSemaphorePermit> {
        let envelopes = u32::try_from(envelopes).unwrap_or(ROOM).min(ROOM);
        Arc::clone(&self.0.room).try_acquire_many_owned(envelopes).ok()
    }

    fn send(&self, batch: Batch, permit: OwnedSemaphorePermit) -> Result<(), Gone> {
        self.0.batches.send((batch, permit)).map_err(|_| Gone)
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

/// The thread of a [`Post`] has ended.
#[derive(Debug)]
pub struct Gone;

impl Route {
    /// Sends to this member alone.
    pub(super) fn send(&self, envelope: Envelope) -> Delivery {
        let Some(permit) = self.post.reserve(1) else {
            return if self.is_open() { Delivery::Full } else { Delivery::Dead };
        };
        match self.post.send(Batch::Envelopes(vec![envelope], vec![self.key]), permit) {
            Ok(()) => Delivery::Sent,
            Err(Gone) => Delivery::Dead,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.post.is_open()
    }
}

/// The members that one run of envelopes goes to, by their threads.
pub(super) struct Round<'a> {
    run: &'a [Envelope],
    threads: Vec<(&'a Post, OwnedSemaphorePermit, Vec<Key>)>,
}

impl<'a> Round<'a> {
    pub(super) fn of(run: &'a [Envelope]) -> Round<'a> {
        Round { run, threads: Vec::new() }
    }

    /// Takes a member in; false if it has no route, or its thread no room.
    ///
    /// Only for members that have missed nothing, which must be told first.
    pub(super) fn take(&mut self, member: &'a Subscriber) -> bool {
        let Some(Route { post, key }) = member.route() else { return false };
        if let Some((.., keys)) = self.threads.iter_mut().find(|(known, ..)| *known == post) {
            keys.push(*key);
            return true;
        }
        let Some(permit) = post.reserve(self.run.len()) else { return false };
        self.threads.push((post, permit, vec![*key]));
        true
    }

    /// The sweep finds the members of a thread that has ended.
    pub(super) fn send(self) {
        for (post, permit, keys) in self.threads {
            if post.send(Batch::Envelopes(self.run.to_vec(), keys), permit).is_err() {
                log::debug!("a thread has ended, and its members with it");
            }
        }
    }
}

impl fmt::Debug for Receiving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiving").field("route", &self.route).finish_non_exhaustive()
    }
}
