//! Joining from an actor's own context, until the actor dies. Owns the guard that notices its
//! death, and its mailbox capacity; leaves to the registry whether it is already a member.

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{self, Poll};

use actix::dev::{AsyncContextParts, ToEnvelope};
use actix::{Actor, ActorContext, ActorFuture, ActorFutureExt, Handler, WeakRecipient};

use super::command::Command;
use super::inlet::Inlet;
use super::subscriber::{Tether, Who};
use super::{Channel, Envelope, JoinError, Meta, Payload, PubSub};

/// The capacity of an actor's mailbox after [`ContextExt::join`], unless the actor chose one.
pub const MAILBOX: usize = 1024;

/// The capacity that actix gives a mailbox.
const ACTIX_DEFAULT: usize = 16;

/// Joins channels from an actor's [`started`](Actor::started), as [`PubSub::join`] does from
/// outside.
///
/// - **Once.** An actor that is already a member of the channel stays one member. So `started` may
///   run again: an actor that actix's [`Supervisor`](actix::Supervisor) restarts does not leave in
///   between, and an actor that [`supervise`](super::supervise) recreates replaces the dead one.
/// - **First.** The actor handles no message before it has joined.
/// - **Until it dies.** It leaves automatically when it stops or panics, and monitors see it at
///   once. It may leave earlier with [`PubSub::leave`].
/// - **With room.** actix gives an actor a mailbox for 16 messages: of 100 awaited broadcasts, 16
///   fill it and 84 are missed. Joining raises the capacity to [`MAILBOX`] (1,024), which takes no
///   memory until messages wait. A capacity other than 16 that the actor set before is kept, and
///   the actor may set another one afterwards.
///
/// ```
/// use actix::prelude::*;
/// use kilonova_pubsub::{ContextExt, Envelope, PubSub};
///
/// struct Ear(PubSub);
///
/// impl Actor for Ear {
///     type Context = Context<Self>;
///
///     fn started(&mut self, ctx: &mut Self::Context) {
///         ctx.join(&self.0, "notes");
///     }
/// }
///
/// impl Handler<Envelope> for Ear {
///     type Result = ();
///     fn handle(&mut self, envelope: Envelope, _: &mut Self::Context) {
///         println!("{}: {}", envelope.topic(), envelope.payload().as_json());
///     }
/// }
/// ```
pub trait ContextExt<A: Actor<Context = Self>>: Sized {
    /// Makes the actor a member of `channel`. On failure, logs an error and stops the actor.
    fn join(&mut self, pubsub: &PubSub, channel: impl Into<Channel>);

    /// Like [`ContextExt::join`], with metadata as in [`PubSub::join_as`]. If the actor is already
    /// a member, `meta` replaces its metadata.
    fn join_as(&mut self, pubsub: &PubSub, channel: impl Into<Channel>, meta: Payload);

    /// Like [`ContextExt::join`], but calls `then` with the result, so that the actor decides what
    /// to do on failure.
    fn join_then(
        &mut self,
        pubsub: &PubSub,
        channel: impl Into<Channel>,
        meta: Option<Payload>,
        then: impl FnOnce(&mut A, Result<(), JoinError>, &mut Self) + 'static,
    );
}

impl<A, C> ContextExt<A> for C
where
    A: Actor<Context = C> + Handler<Envelope>,
    C: AsyncContextParts<A> + ToEnvelope<A, Envelope>,
{
    fn join(&mut self, pubsub: &PubSub, channel: impl Into<Channel>) {
        let channel = channel.into();
        self.join_then(pubsub, channel.clone(), None, move |_, joined, ctx| {
            or_stop(joined, &channel, ctx)
        });
    }

    fn join_as(&mut self, pubsub: &PubSub, channel: impl Into<Channel>, meta: Payload) {
        let (channel, meta) = (channel.into(), Some(meta));
        self.join_then(pubsub, channel.clone(), meta, move |_, joined, ctx| {
            or_stop(joined, &channel, ctx)
        });
    }

    fn join_then(
        &mut self,
        pubsub: &PubSub,
        channel: impl Into<Channel>,
        meta: Option<Payload>,
        then: impl FnOnce(&mut A, Result<(), JoinError>, &mut C) + 'static,
    ) {
        if self.parts().capacity() == ACTIX_DEFAULT {
            self.parts().set_mailbox_capacity(MAILBOX);
        }
        let (channel, inlet) = (channel.into(), Arc::clone(&pubsub.inlet));
        let member = self.address().recipient();
        let attend = async move {
            let meta = meta.map(Meta::new).transpose()?;
            let weak = member.downgrade();
            let attend = |joined| Command::Attend { channel, member, meta, joined };
            let tether = inlet.ask(attend).await??;
            let inlet = Arc::downgrade(&inlet);
            Ok(tether.map(|tether| Guard { inlet, member: weak, tether }))
        };
        self.wait(actix::fut::wrap_future(attend).map(
            move |joined: Result<Option<Guard>, JoinError>, actor: &mut A, ctx: &mut C| {
                let joined = joined.map(|guard| {
                    if let Some(guard) = guard {
                        ctx.spawn(guard);
                    }
                });
                then(actor, joined, ctx);
            },
        ));
    }
}

fn or_stop(joined: Result<(), JoinError>, channel: &Channel, ctx: &mut impl ActorContext) {
    if let Err(error) = joined {
        log::error!("cannot join {channel}: {error}; stopping the actor");
        ctx.stop();
    }
}

/// Lives in the actor's context. The context drops it when the actor is restarted, and after the
/// mailbox when the actor dies.
struct Guard {
    inlet: Weak<Inlet>,
    member: WeakRecipient<Envelope>,
    tether: Tether,
}

impl<A> ActorFuture<A> for Guard
where
    A: Actor,
    A::Context: AsyncContextParts<A>,
{
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        _: &mut A,
        ctx: &mut A::Context,
        _: &mut task::Context<'_>,
    ) -> Poll<()> {
        // A pending future keeps a context alive even if nobody has its address. Dropping the last
        // address polls the context, so this future must end then.
        match self.tether.is_loose() || !ctx.parts().connected() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.tether.is_loose() {
            return;
        }
        if let (Some(inlet), Some(member)) = (self.inlet.upgrade(), self.member.upgrade()) {
            inlet.push(Command::Unguarded(Who::Actor(member)));
        }
    }
}
