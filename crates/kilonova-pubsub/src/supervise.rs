//! Keeps an actor running: recreates it after it stops or panics. Owns when and how soon; the actor
//! joins its channels in `started`, for example with [`ContextExt::join`](super::ContextExt::join).
//!
//! actix's `Supervisor` restarts an actor that stopped, but not one that panicked: the panic ends
//! its task. `Supervisor` also restarts at once and without limit; [`keep`] waits longer before
//! each restart.
//!
//! ```
//! use std::convert::Infallible;
//!
//! use actix::prelude::*;
//! use kilonova_pubsub::{ContextExt, Envelope, PubSub, supervise};
//! use tokio::sync::watch;
//!
//! struct Indexer(PubSub);
//!
//! impl Actor for Indexer {
//!     type Context = Context<Self>;
//!
//!     fn started(&mut self, ctx: &mut Self::Context) {
//!         ctx.join(&self.0, "posts");
//!     }
//! }
//!
//! impl Handler<Envelope> for Indexer {
//!     type Result = ();
//!     fn handle(&mut self, envelope: Envelope, ctx: &mut Self::Context) {
//!         match envelope.topic() {
//!             "shutdown" => ctx.stop(),
//!             _ => { /* index it; a panic here costs this message alone */ }
//!         }
//!     }
//! }
//!
//! # System::new().block_on(async {
//! let pubsub = PubSub::start("node-1");
//! let (shutdown, stopping) = watch::channel(false);
//! let keeper = actix::spawn(supervise::keep("the indexer", stopping, {
//!     let pubsub = pubsub.clone();
//!     move || Ok::<_, Infallible>((Indexer(pubsub.clone()), Context::new()))
//! }));
//! # while pubsub.get_members("posts").await.unwrap().is_empty() {}
//! // At shutdown: the actor stops, and is not restarted.
//! shutdown.send_replace(true);
//! pubsub.broadcast("posts", "shutdown", kilonova_pubsub::Payload::null()).await.unwrap();
//! keeper.await.unwrap();
//! # });
//! ```

use std::any::Any;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use actix::{Actor, Context};
use tokio::sync::watch;

/// The pause before the first restart; it doubles with each restart.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// An actor that ran this long was healthy: the pause returns to [`FIRST_PAUSE`].
const HEALTHY: Duration = Duration::from_secs(60);

/// Runs the actors that `start` creates on the current arbiter, one at a time. Returns when
/// `shutdown` is true, or its sender was dropped, and the last actor has ended.
///
/// When an actor stops or panics, a new one starts after a pause: 100 ms at first, then twice as
/// long each time, up to 5 s; 100 ms again after an actor that ran for a minute. The new actor has
/// a new address and an empty mailbox: messages that the old one had not handled are lost. A
/// failure or panic of `start` counts as an actor that ended at once.
///
/// `keep` logs the end of each actor with `name`, and a failure of `start` once for each new
/// reason. It does not stop the actor: the actor itself must end at shutdown. If you drop the
/// future, the running actor continues but is not restarted.
pub async fn keep<A, E>(
    name: &str,
    mut shutdown: watch::Receiver<bool>,
    mut start: impl FnMut() -> Result<(A, Context<A>), E>,
) where
    A: Actor<Context = Context<A>>,
    E: Display,
{
    let mut pause = FIRST_PAUSE;
    let mut reason = None;
    while !is_over(&shutdown) {
        let begun = Instant::now();
        match catch_unwind(AssertUnwindSafe(&mut start)) {
            Ok(Ok((actor, context))) => {
                reason = None;
                let end = actix::spawn(context.into_future(actor)).await;
                if is_over(&shutdown) {
                    return;
                }
                if begun.elapsed() >= HEALTHY {
                    pause = FIRST_PAUSE;
                }
                match end.map_err(|error| error.try_into_panic()) {
                    Ok(()) | Err(Err(_)) => {
                        log::warn!("{name} has stopped; restarting it in {pause:?}")
                    }
                    Err(Ok(panic)) => {
                        log::error!(
                            "{name} panicked: {}; restarting it in {pause:?}",
                            message(&*panic)
                        );
                    }
                }
            }
            Ok(Err(error)) => tell(name, error.to_string(), &mut reason),
            Err(panic) => tell(name, message(&*panic).to_owned(), &mut reason),
        }
        let stopping = async { shutdown.wait_for(|stop| *stop).await.is_ok() };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopping => return,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A dropped sender can never signal shutdown, so it counts as shutdown.
fn is_over(shutdown: &watch::Receiver<bool>) -> bool {
    *shutdown.borrow() || shutdown.has_changed().is_err()
}

fn tell(name: &str, error: String, last: &mut Option<String>) {
    if last.as_ref() != Some(&error) {
        log::warn!("{name} cannot start: {error}; retrying");
        *last = Some(error);
    }
}

/// The panic's message, if it is a string.
fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use actix::ActorContext;

    use super::*;

    /// Runs its function as soon as it starts, which ends it.
    struct Mayfly(fn(&mut Context<Mayfly>));

    impl Actor for Mayfly {
        type Context = Context<Mayfly>;

        fn started(&mut self, ctx: &mut Context<Mayfly>) {
            (self.0)(ctx);
        }
    }

    #[actix::test]
    async fn every_end_but_shutdown_is_followed_by_a_restart_after_a_longer_pause() {
        let shutdown = watch::Sender::new(false);
        let (starts, begun) = (Cell::new(0), Instant::now());
        let start = || {
            starts.set(starts.get() + 1);
            match starts.get() {
                1 => Ok((Mayfly(|_| panic!("on purpose")), Context::new())),
                2 => Ok((Mayfly(|ctx| ctx.stop()), Context::new())),
                3 => Err("on purpose"),
                _ => {
                    shutdown.send_replace(true);
                    Ok((Mayfly(|ctx| ctx.stop()), Context::new()))
                }
            }
        };
        keep("mayfly", shutdown.subscribe(), start).await;
        assert_eq!(starts.get(), 4);
        assert!(begun.elapsed() >= FIRST_PAUSE * (1 + 2 + 4));
    }

    #[actix::test]
    async fn a_start_that_panics_is_retried() {
        let shutdown = watch::Sender::new(false);
        let starts = Cell::new(0);
        let start = || {
            starts.set(starts.get() + 1);
            assert!(starts.get() > 1, "on purpose");
            shutdown.send_replace(true);
            Err::<(Mayfly, _), _>("on purpose")
        };
        keep("mayfly", shutdown.subscribe(), start).await;
        assert_eq!(starts.get(), 2);
    }

    #[actix::test]
    async fn shutdown_does_not_wait_for_a_pause() {
        let shutdown = watch::Sender::new(false);
        let start = || {
            shutdown.send_replace(true);
            Err::<(Mayfly, _), _>("on purpose")
        };
        keep("mayfly", shutdown.subscribe(), start).await;
    }
}
