//! A reader that reconnects whenever it is closed, and checks everything that it gets.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::support::{Reader, Site, Told, Toy, Transport, Wish};

/// The state of a reader.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) start: i64,
    /// The position from which it would resume.
    pub(super) last: i64,
    pub(super) events: Vec<i64>,
    pub(super) wrong: Option<String>,
    pub(super) paused: bool,
}

pub(super) struct Follower {
    pub(super) transport: Transport,
    pub(super) wish: Wish,
    toy: Toy,
    pub(super) seen: Arc<watch::Sender<Seen>>,
    reading: JoinHandle<()>,
}

impl Follower {
    /// A follower that has seen everything up to `start` and does not read yet.
    pub(super) fn new(transport: Transport, wish: Wish, toy: &Toy, start: i64) -> Follower {
        let seen = Seen { start, last: start, events: Vec::new(), wrong: None, paused: false };
        let (seen, reading) = (Arc::new(watch::Sender::new(seen)), actix::spawn(async {}));
        Follower { transport, wish, toy: toy.clone(), seen, reading }
    }

    /// Pauses or resumes reading.
    pub(super) fn pause(&self, paused: bool) {
        self.seen.send_modify(|seen| seen.paused = paused);
    }

    /// Reads on a node from its last position, and reconnects whenever it is closed.
    pub(super) fn read(&mut self, site: &Arc<Site>) {
        let (transport, wish, toy) = (self.transport, self.wish.clone(), self.toy.clone());
        let (seen, site) = (Arc::clone(&self.seen), Arc::clone(site));
        self.reading.abort();
        self.reading = actix::spawn(async move {
            loop {
                let last = seen.borrow().last;
                let wish = wish.clone().after(last);
                match site.try_open(transport, &wish).await {
                    Ok(reader) => follow(reader, &wish, &toy, &seen).await,
                    // Its feed is being replaced.
                    Err(503) => tokio::task::yield_now().await,
                    Err(status) => note(&seen, format!("refused with {status}")),
                }
                if seen.borrow().wrong.is_some() {
                    return;
                }
            }
        });
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

fn note(seen: &watch::Sender<Seen>, what: String) {
    seen.send_modify(|seen| seen.wrong = Some(format!("{what}: {seen:?}")));
}

/// Reads to the end of a connection, and checks everything that it gets.
async fn follow(mut reader: Reader, wish: &Wish, toy: &Toy, seen: &watch::Sender<Seen>) {
    let mut going = seen.subscribe();
    loop {
        drop(going.wait_for(|seen| !seen.paused).await);
        match reader.next().await {
            Told::Event(said) => {
                let Some(id) = said.id else { return note(seen, format!("{said:?}")) };
                let size = said.data.as_str().map(str::len);
                if said.topic == "happened" && size != Some(size_at(toy, id)) {
                    return note(seen, format!("not the event at {id}: {size:?}"));
                }
                seen.send_modify(|seen| {
                    seen.last = id;
                    seen.events.push(id);
                });
            }
            Told::Position(position) => {
                let start = seen.borrow().start;
                let expected = toy.seen(wish.viewer, &wish.channels, start, position);
                if seen.borrow().events != expected || position < seen.borrow().last {
                    return note(seen, format!("position {position} after {expected:?}"));
                }
                seen.send_modify(|seen| seen.last = position);
            }
            Told::Resync(position) => return note(seen, format!("resync at {position}")),
            Told::End(_) => return,
        }
    }
}

fn size_at(toy: &Toy, position: i64) -> usize {
    toy.payload(position).trim_matches('"').len()
}
