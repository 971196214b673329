//! A feed of an in-memory log, without a database: a minimal `Log`.
//!
//! Run it, and follow it in a browser or a terminal. Posted texts arrive in both.
//!
//! ```text
//! cargo run -p kilonova-feed --example memory
//! curl -N -H 'Accept: text/event-stream' 'http://127.0.0.1:8080/feed?last_event_id=0'
//! curl -d 'hello' http://127.0.0.1:8080/say
//! ```

use std::convert::Infallible;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::web::{self, Data, Payload};
use actix_web::{App, HttpRequest, HttpResponse};
use kilonova_feed::{Event, Feed, Log, LogState, NewEvent, Page, Server};
use kilonova_pubsub::{Channel, PubSub};

/// A log that is kept in memory while the process runs.
#[derive(Clone)]
struct Memory {
    id: Arc<str>,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Memory {
    /// An empty log. Each start has a new id, so clients that were connected before load everything
    /// again.
    fn new() -> Memory {
        let id = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
        Memory { id: id.to_string().into(), events: Arc::default() }
    }

    /// Appends an event. Its place in the list is its position; the lock keeps commits in order.
    fn append(&self, new: NewEvent) -> Event {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let event = Event::committed(events.len() as i64 + 1, new, None);
        events.push(event.clone());
        event
    }

    fn read<T>(&self, read: impl FnOnce(&[Event], LogState) -> T) -> T {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let state = LogState { id: Arc::clone(&self.id), oldest: 1, position: events.len() as i64 };
        read(&events, state)
    }
}

impl Log for Memory {
    /// Everything is public.
    type Viewer = ();
    type Error = Infallible;

    async fn state(&self) -> Result<LogState, Infallible> {
        Ok(self.read(|_, state| state))
    }

    async fn after(
        &self,
        position: i64,
        channels: Option<&[Channel]>,
        limit: usize,
    ) -> Result<Page, Infallible> {
        Ok(self.read(|events, state| {
            let asked = |event: &&Event| {
                event.position() > position
                    && channels.is_none_or(|channels| channels.contains(event.channel()))
            };
            // One more event shows whether the page ends early.
            let mut page: Vec<Event> =
                events.iter().filter(asked).take(limit + 1).cloned().collect();
            let more = page.len() > limit;
            page.truncate(limit);
            Page::new(state, page, more)
        }))
    }
}

async fn say(feed: Data<Feed<Memory>>, text: String) -> actix_web::Result<HttpResponse> {
    let event = feed.log().append(NewEvent::new("words", "said", &text)?);
    let position = event.position();
    feed.committed([event]);
    Ok(HttpResponse::Created().body(format!("{position}\n")))
}

async fn follow(
    request: HttpRequest,
    body: Payload,
    feed: Data<Feed<Memory>>,
) -> Result<HttpResponse, kilonova_feed::Error> {
    feed.serve(&request, body, ["words"], ()).await
}

#[expect(clippy::print_stdout, reason = "the user needs the address")]
fn main() -> Result<(), Box<dyn Error>> {
    actix::System::new().block_on(async {
        let feed = Feed::start(PubSub::start("memory"), Memory::new()).await?;
        let data = Data::new(feed.clone());
        let app = move || {
            App::new()
                .app_data(data.clone())
                .route("/feed", web::get().to(follow))
                .route("/say", web::post().to(say))
        };
        let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
        let server = Server::bind(address, app)?.run()?;
        println!("listening on http://{}", server.address());
        server.until_stopped(feed.sockets()).await?;
        feed.stop().await;
        Ok(())
    })
}
