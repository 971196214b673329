//! Two actors play ping-pong over a channel for ten strokes: run `cargo run --example ping_pong`.
//!
//! Each receives all messages on the channel, including its own, and tells them apart by the
//! sender.

use actix::prelude::*;
use kilonova_pubsub::{Envelope, Lifeline, Payload, PubSub};
use tokio::sync::oneshot;

const TABLE: &str = "table";
const STROKES: u32 = 10;

struct Player {
    stroke: &'static str,
    // Names this actor as the sender of its broadcasts.
    pubsub: PubSub,
    _lifeline: Lifeline,
    finished: Option<oneshot::Sender<()>>,
}

impl Player {
    fn start(
        stroke: &'static str,
        pubsub: &PubSub,
        finished: Option<oneshot::Sender<()>>,
    ) -> Addr<Player> {
        Player::create(|ctx| Player {
            stroke,
            pubsub: pubsub.sent_by(ctx.address()),
            _lifeline: pubsub.lifeline(ctx.address()),
            finished,
        })
    }
}

impl Actor for Player {
    type Context = Context<Player>;
}

impl Handler<Envelope> for Player {
    type Result = ();

    fn handle(&mut self, envelope: Envelope, ctx: &mut Context<Player>) {
        if envelope.sender().is(&ctx.address().recipient()) {
            return;
        }
        let Ok(ball) = envelope.payload().decode::<u32>() else {
            return;
        };
        eprintln!("{:>2}  {} hears {}", ball, self.stroke, envelope.topic());
        if ball >= STROKES {
            if let Some(finished) = self.finished.take() {
                finished.send(()).ok();
            }
            return;
        }
        let stroke = Payload::encode(&(ball + 1))
            .map(|ball| self.pubsub.try_broadcast(TABLE, self.stroke, ball));
        if !matches!(stroke, Ok(Ok(()))) {
            eprintln!("{} misses the ball: {stroke:?}", self.stroke);
            ctx.stop();
        }
    }
}

#[actix::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pubsub = PubSub::start("ping-pong");
    let (finished, end) = oneshot::channel();
    let ping = Player::start("ping", &pubsub, Some(finished));
    let pong = Player::start("pong", &pubsub, None);
    pubsub.join(TABLE, ping.clone()).await?;
    pubsub.join(TABLE, pong).await?;

    // The referee serves to pong by sending as ping.
    pubsub.sent_by(ping).broadcast(TABLE, "serve", Payload::encode(&1)?).await?;
    // An error here means that ping is gone, which also ends the game.
    end.await.ok();
    Ok(())
}
