//! Turns at work that takes long: how many do it at once, and who is next. Owns that one client does
//! not keep the others waiting: each address has a queue of its own, the queues take turns, and no
//! address has more than its part of all turns at once. What the work is, is its owner's.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

tokio::task_local! {
    static WORKS_FOR: WorksFor;
}

/// Whom a task works for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorksFor {
    /// The node itself: the feed, what is done by the clock, and health.
    Node,
    /// The client of a request, by its address; `None` for one that does not count by its address.
    Client(Option<IpAddr>),
}

impl WorksFor {
    /// Whom the current task works for: the node, outside of requests.
    pub fn current() -> WorksFor {
        WORKS_FOR.try_with(|who| *who).unwrap_or(WorksFor::Node)
    }

    /// Runs a future that works for it.
    pub async fn run<F: Future>(self, future: F) -> F::Output {
        WORKS_FOR.scope(self, future).await
    }
}

/// How turns are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// How many there are at most.
    pub max: usize,
    /// How many are taken.
    pub taken: usize,
    /// How many clients wait for one.
    pub waiting: usize,
}

/// A client that waits, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Waiting<'_> {
    fn count(waiting: &AtomicUsize) -> Waiting<'_> {
        waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Turns that clients share.
pub struct Turns {
    max: usize,
    /// The most turns that one address has at once.
    part: usize,
    waiting: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken: usize,
    /// Each client that has a turn, or waits for one.
    clients: HashMap<WorksFor, Client>,
    /// The clients that wait, the next one first.
    order: VecDeque<WorksFor>,
}

#[derive(Default)]
struct Client {
    taken: usize,
    waiting: VecDeque<oneshot::Sender<Turn>>,
}

impl Turns {
    /// So many turns at once, of which one address has at most one in `share`, and at least one.
    pub fn new(max: usize, share: usize) -> Arc<Turns> {
        let part = max.div_ceil(share.max(1)).max(1);
        let (max, waiting) = (max.max(1), AtomicUsize::new(0));
        Arc::new(Turns { max, part, waiting, state: Mutex::default() })
    }

    /// How many turns are taken, and how many clients wait for one.
    pub fn usage(&self) -> Usage {
        let taken = self.state().taken;
        Usage { max: self.max, taken, waiting: self.waiting.load(Ordering::Relaxed) }
    }

    /// A turn for the client that the current task works for; `None` if it has to wait for longer
    /// than `patience`.
    pub async fn take(self: &Arc<Turns>, patience: Duration) -> Option<Turn> {
        let who = WorksFor::current();
        let (sender, turn) = oneshot::channel();
        let _waiting = Waiting::count(&self.waiting);
        {
            let mut state = self.state();
            let client = state.clients.entry(who).or_default();
            client.waiting.push_back(sender);
            if client.waiting.len() == 1 {
                state.order.push_back(who);
            }
        }
        self.give();
        tokio::time::timeout(patience, turn).await.ok()?.ok()
    }

    /// Waits until nobody has a turn, and lets nobody have one until the result is dropped.
    pub async fn take_all(self: &Arc<Turns>, patience: Duration) -> Option<Vec<Turn>> {
        let all = (0..self.max).map(|_| self.take(patience));
        let all = WorksFor::Node.run(futures_util::future::join_all(all)).await;
        all.into_iter().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the turns that are free to those who wait.
    fn give(self: &Arc<Turns>) {
        loop {
            let Some((who, sender)) = self.state().next(self.max, self.part) else { return };
            if let Err(turn) = sender.send(Turn { of: Arc::clone(self), who, is_over: false }) {
                // Its client does not wait any more.
                turn.forgo();
            }
        }
    }
}

impl State {
    /// The next client that waits and may have one more turn, which it has then.
    fn next(&mut self, max: usize, part: usize) -> Option<(WorksFor, oneshot::Sender<Turn>)> {
        if self.taken >= max {
            return None;
        }
        for _ in 0..self.order.len() {
            let who = self.order.pop_front()?;
            let client = self.clients.get_mut(&who)?;
            while client.waiting.front().is_some_and(oneshot::Sender::is_closed) {
                client.waiting.pop_front();
            }
            let is_counted = matches!(who, WorksFor::Client(Some(_)));
            if is_counted && client.taken >= part && !client.waiting.is_empty() {
                self.order.push_back(who);
                continue;
            }
            let Some(sender) = client.waiting.pop_front() else {
                self.leave(who);
                continue;
            };
            client.taken += 1;
            self.taken += 1;
            if !client.waiting.is_empty() {
                self.order.push_back(who);
            }
            return Some((who, sender));
        }
        None
    }

    /// Forgets a client that has nothing and waits for nothing.
    fn leave(&mut self, who: WorksFor) {
        if self.clients.get(&who).is_some_and(|it| it.taken == 0 && it.waiting.is_empty()) {
            self.clients.remove(&who);
        }
    }

    fn end(&mut self, who: WorksFor) {
        self.taken -= 1;
        if let Some(client) = self.clients.get_mut(&who) {
            client.taken -= 1;
        }
        self.leave(who);
    }
}

/// A turn, until it is dropped.
pub struct Turn {
    of: Arc<Turns>,
    who: WorksFor,
    is_over: bool,
}

impl Turn {
    /// Ends it, and leaves it to the caller to give it to the next one.
    fn forgo(mut self) {
        self.is_over = true;
        self.of.state().end(self.who);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.is_over {
            self.of.state().end(self.who);
            self.of.give();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    fn client(last: u8) -> WorksFor {
        WorksFor::Client(Some(IpAddr::from([192, 0, 2, last])))
    }

    async fn take(turns: &Arc<Turns>, who: WorksFor) -> Option<Turn> {
        who.run(turns.take(LONG)).await
    }

    /// Asks for a turn, which it may have to wait for.
    fn ask(turns: &Arc<Turns>, who: WorksFor) -> tokio::task::JoinHandle<Option<Turn>> {
        let turns = Arc::clone(turns);
        tokio::spawn(async move { take(&turns, who).await })
    }

    #[tokio::test]
    async fn one_address_leaves_turns_to_others() {
        let turns = Turns::new(4, 2);
        let _both = (take(&turns, client(1)).await, take(&turns, client(1)).await);
        let mut third = Box::pin(take(&turns, client(1)));
        assert!(futures_util::poll!(&mut third).is_pending());
        assert_eq!(turns.usage(), Usage { max: 4, taken: 2, waiting: 1 });
        assert!(take(&turns, client(2)).await.is_some());
        // Those that do not count by address have all.
        let nobody = WorksFor::Client(None);
        let _all = (take(&turns, nobody).await, take(&turns, nobody).await);
        assert!(futures_util::poll!(Box::pin(take(&turns, client(2)))).is_pending());
    }

    #[tokio::test]
    async fn the_queues_of_addresses_take_turns() {
        let turns = Turns::new(1, 2);
        let first = take(&turns, client(1)).await;
        let mut crowd: Vec<_> = (0..100).map(|_| ask(&turns, client(1))).collect();
        while turns.state().clients[&client(1)].waiting.len() < 100 {
            tokio::task::yield_now().await;
        }
        let other = ask(&turns, client(2));
        while !turns.state().clients.contains_key(&client(2)) {
            tokio::task::yield_now().await;
        }
        drop(first);
        // One of the crowd was in front; then it is the other's turn.
        drop(crowd.remove(0).await.unwrap());
        assert!(other.await.unwrap().is_some());
        for one in crowd {
            assert!(one.await.unwrap().is_some());
        }
        assert!(turns.state().clients.is_empty() && turns.state().order.is_empty());
    }

    #[tokio::test]
    async fn a_client_that_gives_up_keeps_no_turn() {
        let turns = Turns::new(1, 1);
        let held = take(&turns, client(1)).await;
        for last in 2..5 {
            let gave_up = client(last).run(turns.take(Duration::ZERO)).await;
            assert!(gave_up.is_none());
        }
        drop(held);
        assert!(take(&turns, client(9)).await.is_some());
        assert_eq!(turns.usage(), Usage { max: 1, taken: 0, waiting: 0 });
        assert!(turns.state().clients.is_empty());
        assert_eq!(turns.state().taken, 0);
    }

    #[tokio::test]
    async fn all_turns_are_those_of_nobody_else() {
        let turns = Turns::new(3, 2);
        let held = take(&turns, client(1)).await;
        assert!(turns.take_all(Duration::ZERO).await.is_none());
        drop(held);
        let all = turns.take_all(LONG).await;
        assert_eq!(all.map(|all| all.len()), Some(3));
        assert_eq!(turns.state().taken, 0);
    }
}
