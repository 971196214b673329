//! What a relay does when some of what was committed is announced, and some is not.

use tempfile::TempDir;
use tokio::sync::mpsc;

use super::*;
use crate::connection::Database;
use crate::models::event::{Audience, NewEvent};

const EVENTS: i64 = 2_000;
const WRITERS: i64 = 8;

/// A member that tells the positions it was sent.
struct Ear(mpsc::UnboundedSender<i64>);

impl Actor for Ear {
    type Context = Context<Self>;
}

impl Handler<Envelope> for Ear {
    type Result = ();

    fn handle(&mut self, envelope: Envelope, _: &mut Context<Self>) {
        self.0.send(envelope.position().unwrap_or(0)).ok();
    }
}

/// Announcements and reads of the log bring events to the relay at the same time.
#[actix_web::test]
async fn every_event_goes_out_once_and_in_order_though_every_third_is_not_announced() {
    let folder = TempDir::new().expect("a folder");
    let announcer = Announcer::default();
    let tells = announcer.clone();
    let tell_most = move |events: Vec<Event>| {
        let told: Vec<_> = events.into_iter().filter(|event| event.id % 3 != 0).collect();
        tells.announce(told);
    };
    let database = Database::Sqlite(folder.path().join("db"));
    let db = Db::open(&database, Box::new(tell_most)).expect("a database");
    let pubsub = PubSub::start("test");
    let (heard, mut hearing) = mpsc::unbounded_channel();
    // An unbounded mailbox: this is about the relay's order, not about slow members.
    let mut ctx = Context::new();
    ctx.set_mailbox_capacity(0);
    pubsub.join("notes", ctx.run(Ear(heard))).await.expect("a member");
    let (stop, stopping) = watch::channel(false);
    let pace = Pace::default();
    pace.attend();
    let recent = Recent::after_position(0);
    let tick = Duration::from_secs(3600);
    let parts = Parts { db: db.clone(), pubsub, recent, pace, tick, replaced: Arc::default() };
    actix::spawn(announcer.keep(parts, stopping));

    let writing = (0..WRITERS).map(|_| {
        let db = db.clone();
        actix::spawn(async move {
            for id in 0..EVENTS / WRITERS {
                let subject = Subject::Note(id);
                let event = NewEvent::new("notes", "note_created", subject, Audience::Public, &id);
                let event = event.expect("an event");
                db.transaction(move |tx| {
                    tx.announce(event);
                    Ok::<_, db::Error>(())
                })
                .await
                .expect("a commit");
            }
        })
    });
    let writing: Vec<_> = writing.collect();
    for expected in 1..=EVENTS {
        let position = tokio::time::timeout(Duration::from_secs(30), hearing.recv()).await;
        assert_eq!(position, Ok(Some(expected)));
    }
    for writer in writing {
        writer.await.expect("a writer's end");
    }
    stop.send_replace(true);
    db.close().await;
}
