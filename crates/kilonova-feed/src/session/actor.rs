//! The actor of a session. Owns its life cycle: it joins the channels, runs, and leaves them.
//! Leaves the client's frames to [`Session`].

use std::cell::RefCell;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use actix::fut::ActorFuture;
use actix::prelude::*;
use kilonova_pubsub::{Dispatcher, Envelope, JoinError, Lifeline, Receive, Receiving};

use super::{Seat, Session};
use crate::feed::Inner;
use crate::frame::Wanted;
use crate::relay::{TOGETHER, TOGETHER_BYTES};
use crate::replay::Start;
use crate::sockets::Place;
use crate::stats::Open;
use crate::wire::Wire;
use crate::{Bounds, Error, Log, SessionOptions, StartAt};

/// A socket's actor. Its thread's dispatcher brings it the messages of its channels.
pub(crate) struct SessionActor<W: Wire, L: Log> {
    desk: Rc<Desk<W, L>>,
    _receiving: Receiving,
    /// Leaves all channels when it is dropped: when the session ends for any reason, or when its
    /// socket begins to close, which a client can delay.
    lifeline: Option<Lifeline>,
    place: Place,
    /// Set once the session runs.
    open: Option<Open>,
}

/// The place where the dispatcher finds a session, from before the session joins its first channel.
struct Desk<W: Wire, L: Log>(RefCell<Life<W, L>>);

enum Life<W: Wire, L: Log> {
    /// It has joined channels but does not run yet; its messages wait.
    Joining(Box<Waiting>),
    /// In a box, so that it can reuse the request's memory, which is freed by then.
    Running(Box<Session<W, L>>),
}

/// The messages of a session that does not run yet.
struct Waiting {
    envelopes: Vec<Envelope>,
    bytes: usize,
    bounds: Bounds,
    /// True if there was no room for a message.
    missed: bool,
}

impl<W: Wire, L: Log> Receive for Desk<W, L> {
    fn receive(&self, envelopes: &[Envelope]) -> bool {
        match &mut *self.0.borrow_mut() {
            Life::Joining(waiting) => {
                envelopes.iter().for_each(|envelope| waiting.take(envelope));
                false
            }
            Life::Running(session) => session.receive(envelopes),
        }
    }

    fn flush(&self) {
        if let Life::Running(session) = &mut *self.0.borrow_mut() {
            session.flush();
        }
    }

    fn fail(&self) {
        self.end_after_panic();
    }
}

impl<W: Wire, L: Log> Desk<W, L> {
    /// Closes the socket; true if it was closing already, or if the session does not run.
    fn end_after_panic(&self) -> bool {
        let Life::Running(session) = &mut *self.0.borrow_mut() else { return true };
        log::error!("a session panicked; closing its socket");
        session.fail()
    }
}

impl Waiting {
    fn take(&mut self, envelope: &Envelope) {
        let bytes = self.bytes.saturating_add(envelope.payload().as_json().len());
        self.missed |= self.envelopes.len() >= self.bounds.messages || bytes > self.bounds.bytes;
        if !self.missed {
            self.bytes = bytes;
            self.envelopes.push(envelope.clone());
        }
    }
}

/// A session that has joined its channels but does not run yet.
pub(crate) struct Joined<W: Wire, L: Log> {
    ctx: Context<SessionActor<W, L>>,
    actor: SessionActor<W, L>,
    feed: Arc<Inner<L>>,
    options: SessionOptions<L::Viewer>,
    start: Option<Start>,
    wanted: Option<Wanted>,
    breaks: u64,
}

impl<W: Wire, L: Log> Joined<W, L> {
    /// Joins the channels. Every later commit reaches the session.
    pub(crate) async fn join(
        feed: &Arc<Inner<L>>,
        options: SessionOptions<L::Viewer>,
        place: Place,
    ) -> Result<Joined<W, L>, Error> {
        let breaks = feed.sockets.breaks();
        let wanted = feed.shapes.want(options.shape, W::FRAMING);
        let ctx = Context::<SessionActor<W, L>>::new();
        let address = ctx.address();
        // There is room for at least one batch of the relay.
        let Bounds { messages, bytes } = feed.limits.queue;
        let bounds = Bounds { messages: messages.max(TOGETHER), bytes: bytes.max(TOGETHER_BYTES) };
        let waiting = Box::new(Waiting { envelopes: Vec::new(), bytes: 0, bounds, missed: false });
        let desk = Rc::new(Desk(RefCell::new(Life::Joining(waiting))));
        let receiving = Dispatcher::current().register(Rc::clone(&desk) as Rc<dyn Receive>);
        let route = receiving.route().clone();
        let lifeline = feed.pubsub.lifeline(address.clone());
        let lifeline = Some(lifeline);
        let actor = SessionActor { desk, _receiving: receiving, lifeline, place, open: None };
        let join_as = async |channel, meta| {
            let joined = feed.pubsub.join_by(channel, address.clone(), route.clone(), meta).await;
            joined.map_err(refused)
        };
        let join = async |channel| join_as(channel, None).await;
        // Each channel once: a member that joins twice gets every event twice.
        let channels: HashSet<_> = options.channels.iter().chain(&options.ephemeral).collect();
        for channel in channels {
            join(channel.clone()).await?;
        }
        if let Some(presence) = &options.presence {
            join_as(presence.channel.clone(), Some(presence.meta.clone())).await?;
        }
        let start = match &options.start {
            StartAt::Now => None,
            StartAt::Latest => {
                join(feed.channels.position.clone()).await?;
                // A batch that is going out now may have missed this member; `sent` precedes that
                // batch.
                Some(Start::After(feed.status.borrow().sent))
            }
            StartAt::After { position, log } => {
                join(feed.channels.position.clone()).await?;
                let start = feed.replay.start(*position, log.as_deref()).await;
                Some(start.map_err(|error| Error::Log(Box::new(error)))?)
            }
        };
        Ok(Joined { ctx, actor, feed: Arc::clone(feed), options, start, wanted, breaks })
    }

    /// Runs the session on the current thread, which must be the thread that it joined on.
    pub(crate) fn run(self, wire: W) {
        let Joined { ctx, mut actor, feed, options, start, wanted, breaks } = self;
        let frames = feed.threads.attend();
        actor.open = Some(Open::new(&feed.tally, W::FRAMING));
        let seat = Seat { breaks, lot: actor.place.lot(), frames };
        let session = Session::new(wire, feed, options, start, wanted, seat);
        let mut session = Box::new(session);
        let mut life = actor.desk.0.borrow_mut();
        if let Life::Joining(waiting) = &*life {
            let taken = catch_unwind(AssertUnwindSafe(|| session.receive(&waiting.envelopes)));
            if taken.is_err() {
                session.fail();
            } else if waiting.missed {
                session.miss();
            }
            session.flush();
        }
        *life = Life::Running(session);
        drop(life);
        ctx.run(actor);
    }
}

pub(crate) fn refused(error: JoinError) -> Error {
    match error {
        JoinError::TooManyChannels => Error::TooManyChannels,
        _ => Error::Stopping,
    }
}

impl<W: Wire, L: Log> Actor for SessionActor<W, L> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.spawn(Pump);
    }
}

/// A message that was sent to the actor itself, not to a channel.
impl<W: Wire, L: Log> Handler<Envelope> for SessionActor<W, L> {
    type Result = ();

    fn handle(&mut self, envelope: Envelope, _: &mut Self::Context) {
        let desk = &self.desk;
        let taken = catch_unwind(AssertUnwindSafe(|| {
            if desk.receive(&[envelope]) {
                desk.flush();
            }
        }));
        if taken.is_err() {
            desk.fail();
        }
    }
}

/// Runs a session's input and output inside its actor.
struct Pump;

impl<W: Wire, L: Log> ActorFuture<SessionActor<W, L>> for Pump {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        actor: &mut SessionActor<W, L>,
        ctx: &mut Context<SessionActor<W, L>>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<()> {
        let SessionActor { desk, lifeline, .. } = actor;
        let polled = catch_unwind(AssertUnwindSafe(|| match &mut *desk.0.borrow_mut() {
            Life::Running(session) => {
                let over = session.poll(cx);
                if session.closing {
                    *lifeline = None;
                }
                over
            }
            Life::Joining(_) => Poll::Ready(()),
        }));
        let over = polled.unwrap_or_else(|_| {
            if actor.desk.end_after_panic() {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        });
        if over.is_ready() {
            ctx.stop();
        }
        over
    }
}
