//! The actor around the process groups. Owns the order of requests, the timer and fairness to its
//! thread; leaves executing requests to `Groups` and the bound on its mailbox to `Inlet`.

use std::future::{Future, poll_fn};
use std::slice;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};

use super::command::{Command, Queued};
use super::groups::Groups;
use super::link::Outlet;
use super::stats::Published;

/// The interval between steps of the sweep, and between notices to members that missed messages.
const TICK: Duration = Duration::from_millis(100);
/// How long the registry handles requests before it yields to other tasks on the thread. It never
/// interrupts a request.
const STREAK: Duration = Duration::from_millis(1);

/// One node's registry.
pub(super) struct Registry {
    groups: Groups,
    // When the registry last yielded to other tasks.
    rested: Instant,
    ticked: Instant,
    published: Arc<Published>,
}

impl Registry {
    pub(super) fn new(
        max_channels: usize,
        outlet: Option<Outlet>,
        published: Arc<Published>,
    ) -> Registry {
        let now = Instant::now();
        Registry { groups: Groups::new(max_channels, outlet), rested: now, ticked: now, published }
    }

    fn tick(&mut self) {
        self.ticked = Instant::now();
        self.groups.tell_laggards();
        self.groups.sweep();
        self.published.publish(self.groups.stats());
    }

    /// Executes a command even if the caller has stopped waiting: replies that no one receives are
    /// ignored.
    fn execute(&mut self, command: Command, ctx: &mut Context<Registry>) {
        match command {
            Command::Join { channel, member, meta, joined } => {
                joined.send(self.groups.join(channel, member, meta)).ok();
            }
            Command::Leave { channel, member, left } => {
                left.send(self.groups.leave(&channel, &member)).ok();
            }
            Command::Dispatch(envelope) => self.groups.dispatch(slice::from_ref(&envelope)),
            Command::Broadcast(envelope) => self.groups.broadcast(&envelope),
            Command::DispatchAll { envelopes, done } => {
                self.groups.dispatch(&envelopes);
                done.send(()).ok();
            }
            Command::Members { channel, node, members } => {
                members.send(self.groups.members(&channel, &node)).ok();
            }
            Command::LocalMembers { channel, node, members } => {
                members.send(self.groups.local_members(&channel, &node)).ok();
            }
            Command::Nodes(nodes) => {
                nodes.send(self.groups.other_nodes()).ok();
            }
            Command::Snapshot(snapshot) => {
                snapshot.send(self.groups.snapshot()).ok();
            }
            Command::Update(update) => self.groups.update(update),
            Command::Counts(counts) => {
                counts.send(self.groups.counts()).ok();
            }
            Command::Channels(channels) => {
                channels.send(self.groups.channels()).ok();
            }
            Command::Monitor { channel, node, inlet, monitor } => {
                monitor.send(self.groups.monitor(channel, node, inlet)).ok();
            }
            Command::Unmonitor { channel, id } => self.groups.unmonitor(&channel, id),
            Command::Attend { channel, member, meta, joined } => {
                joined.send(self.groups.attend(channel, member, meta)).ok();
            }
            Command::Unguarded(member) => self.groups.unguarded(&member),
            Command::Subscribe { channels, meta, capacity, inlet, subscription } => {
                // If the caller no longer waits, the subscription is dropped here and unsubscribes.
                subscription.send(self.groups.subscribe(channels, meta, capacity, inlet)).ok();
            }
            Command::Unsubscribe(id) => self.groups.unsubscribe(id),
            Command::Died(member) => self.groups.died(&member),
            Command::Stop => ctx.stop(),
        }
    }
}

impl Actor for Registry {
    type Context = Context<Registry>;

    fn started(&mut self, ctx: &mut Context<Registry>) {
        // 0 removes actix's bound: the permits are the bound.
        ctx.set_mailbox_capacity(0);
        ctx.run_interval(TICK, |registry, _| registry.tick());
    }
}

impl Handler<Queued> for Registry {
    type Result = ();

    fn handle(&mut self, queued: Queued, ctx: &mut Context<Registry>) {
        self.execute(queued.command, ctx);
        drop(queued.permit);
        if self.rested.elapsed() >= STREAK {
            // A context polls its timers only when its mailbox is empty. Under load it may never
            // be.
            if self.ticked.elapsed() >= TICK {
                self.tick();
            }
            ctx.wait(breath().into_actor(self).map(|(), registry, _| {
                registry.rested = Instant::now();
            }));
        }
    }
}

/// Lets all other tasks on the thread run once.
fn breath() -> impl Future<Output = ()> {
    let mut taken = false;
    poll_fn(move |cx| {
        if std::mem::replace(&mut taken, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}
