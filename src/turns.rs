//! Limits the concurrency of long work and decides who is next. This module ensures that one client
//! does not delay the others: each address has a separate queue, the queues are served round-robin,
//! and no address holds more than its part of the turns. The owner of the turns defines the work.

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

/// The party on whose behalf a task works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorksFor {
    /// The node itself: the feed, periodic work and health checks.
    Node,
    /// The client of a request, by address; `None` for a client that is not counted by address.
    Client(Option<IpAddr>),
}

impl WorksFor {
    /// Returns the party for which the current task works; outside of requests, the node.
    pub fn current() -> WorksFor {
        WORKS_FOR.try_with(|who| *who).unwrap_or(WorksFor::Node)
    }

    /// Runs a future on behalf of this party.
    pub async fn run<F: Future>(self, future: F) -> F::Output {
        WORKS_FOR.scope(self, future).await
    }
}

/// The usage of turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The maximum number of turns.
    pub max: usize,
    /// The number of turns in use.
    pub taken: usize,
    /// The number of tasks that wait for a turn.
    pub waiting: usize,
}

/// Counts a waiting task until it is dropped.
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
    /// The maximum number of turns that one address may hold.
    part: usize,
    waiting: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken: usize,
    /// The clients that hold a turn or wait for one.
    clients: HashMap<WorksFor, Client>,
    /// The waiting clients, the next one first.
    order: VecDeque<WorksFor>,
}

#[derive(Default)]
struct Client {
    taken: usize,
    waiting: VecDeque<oneshot::Sender<Turn>>,
}

impl Turns {
    /// Creates `max` turns, of which one address may hold at most one in `share`, but at least one.
    pub fn new(max: usize, share: usize) -> Arc<Turns> {
        let part = max.div_ceil(share.max(1)).max(1);
        let (max, waiting) = (max.max(1), AtomicUsize::new(0));
        Arc::new(Turns { max, part, waiting, state: Mutex::default() })
    }

    /// Returns the number of turns in use and the number of waiting tasks.
    pub fn usage(&self) -> Usage {
        let taken = self.state().taken;
        Usage { max: self.max, taken, waiting: self.waiting.load(Ordering::Relaxed) }
    }

    /// Waits for a turn on behalf of the current task's client. Returns `None` if the wait is
    /// longer than `patience`.
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

    /// Takes all turns, so that nobody else gets one until the result is dropped. Returns `None` if
    /// the wait is longer than `patience`.
    pub async fn take_all(self: &Arc<Turns>, patience: Duration) -> Option<Vec<Turn>> {
        let all = (0..self.max).map(|_| self.take(patience));
        let all = WorksFor::Node.run(futures_util::future::join_all(all)).await;
        all.into_iter().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands the free turns to waiting tasks.
    fn give(self: &Arc<Turns>) {
        loop {
            let Some((who, sender)) = self.state().next(self.max, self.part) else { return };
            if let Err(turn) = sender.send(Turn { of: Arc::clone(self), who, is_over: false }) {
                // The task is no longer waiting.
                turn.forgo();
            }
        }
    }
}

impl State {
    /// Assigns a turn to the next waiting client that may hold another one.
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

    /// Removes a client that holds no turn and waits for none.
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

/// A turn, which is released on drop.
pub struct Turn {
    of: Arc<Turns>,
    who: WorksFor,
    is_over: bool,
}

impl Turn {
    /// Releases the turn without handing it to the next task; the caller does that.
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

    /// Requests a turn in a task, which may have to wait.
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
        // Clients that are not counted by address may hold all turns.
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
        // One task of the crowd was queued first; the other client is next.
        drop(crowd.remove(0).await.unwrap());
        assert!(other.await.unwrap().is_some());
        for one in crowd {
            assert!(one.await.unwrap().is_some());
        }
        assert!(turns.state().clients.is_empty() && turns.state().order.is_empty());
    }

    #[tokio::test]
    async fn a_client_that_stops_waiting_holds_no_turn() {
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
    async fn taking_all_turns_requires_that_nobody_holds_one() {
        let turns = Turns::new(3, 2);
        let held = take(&turns, client(1)).await;
        assert!(turns.take_all(Duration::ZERO).await.is_none());
        drop(held);
        let all = turns.take_all(LONG).await;
        assert_eq!(all.map(|all| all.len()), Some(3));
        assert_eq!(turns.state().taken, 0);
    }
}
