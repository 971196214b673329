//! The fixtures of the tests: a log for each test, a server on a free port, and readers of all
//! kinds.

mod reader;
mod toy;

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use actix_web::web::{self, Bytes, Data, Payload, Query, ServiceConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use kilonova_feed::{
    Builder, Error, Feed, Heartbeat, Presence, Server, SessionOptions, Shape, StartAt, accepts,
};
use kilonova_pubsub::{Payload as Json, PubSub};
use serde::Deserialize;
use tokio::sync::Notify;

pub(crate) use kilonova_test::member::soon;

pub(crate) use self::reader::{ALL, Reader, Told, Transport, Wish};
pub(crate) use self::toy::{Fault, Toy, Viewer, new_event};

/// Position frames are frequent, and timeouts are long unless a test shortens them.
pub(crate) const HEARTBEAT: Heartbeat = Heartbeat {
    ping: Duration::from_millis(20),
    silence: Duration::from_secs(60),
    stall: Duration::from_secs(60),
    grace: Duration::from_secs(5),
};

/// The server that serves a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serving {
    /// The library's server, which hands sockets over.
    Own,
    /// actix-web's server.
    Plain,
}

pub(crate) const BOTH: [Serving; 2] = [Serving::Own, Serving::Plain];

/// A feed behind a server on a free port.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    feed: Arc<RwLock<Feed<Toy>>>,
    slow: Arc<Notify>,
    /// The positions that were encoded in the slow shape, each with true if a serving thread did
    /// it.
    pub(crate) encoded: Arc<Mutex<Vec<(i64, bool)>>>,
    /// The texts that present clients have sent.
    pub(crate) said: Arc<Mutex<Vec<String>>>,
    handle: actix_web::dev::ServerHandle,
}

/// The state that a handler needs.
struct Shared {
    feed: Arc<RwLock<Feed<Toy>>>,
    shape: Shape,
    slow_shape: Shape,
    said: Arc<Mutex<Vec<String>>>,
}

thread_local! {
    /// True if this thread serves sockets.
    static SERVES: Cell<bool> = const { Cell::new(false) };
}

#[derive(Deserialize)]
struct Asked {
    channels: String,
    #[serde(default)]
    ephemeral: String,
    #[serde(default)]
    guest: bool,
    #[serde(default)]
    custom: bool,
    #[serde(default)]
    slow: bool,
    grant: Option<i64>,
    #[serde(default)]
    as_of: i64,
    present: Option<String>,
    #[serde(default)]
    view: u8,
}

/// A feed of the log on a new registry.
pub(crate) async fn feed(toy: &Toy) -> Feed<Toy> {
    builder(toy).start().await.unwrap()
}

/// The options of such a feed.
pub(crate) fn builder(toy: &Toy) -> Builder<Toy> {
    Feed::builder(PubSub::start("test"), toy.clone()).heartbeat(HEARTBEAT)
}

impl Site {
    pub(crate) async fn start(toy: &Toy) -> Site {
        Site::serve(builder(toy), Serving::Own).await
    }

    /// Starts a feed and serves it. Its custom shape contains only the topic; its slow shape
    /// contains the position.
    pub(crate) async fn serve(mut builder: Builder<Toy>, serving: Serving) -> Site {
        let shape = builder.shape(|envelope| format!("{{\"topic\":{:?}}}", envelope.topic()));
        let encoded = Arc::<Mutex<Vec<(i64, bool)>>>::default();
        let slow_shape = {
            let encoded = Arc::clone(&encoded);
            builder.slow_shape(move |envelope| {
                let position = envelope.position().unwrap_or_default();
                encoded.lock().unwrap().push((position, SERVES.get()));
                format!("{{\"slow\":{position}}}")
            })
        };
        let feed = Arc::new(RwLock::new(builder.start().await.unwrap()));
        let slow = Arc::<Notify>::default();
        let waiting = Arc::clone(&slow);
        let said = Arc::<Mutex<Vec<String>>>::default();
        let (of_feed, heard) = (Arc::clone(&feed), Arc::clone(&said));
        let shared = Data::new(Shared { feed: of_feed, shape, slow_shape, said: heard });
        let configure = move |config: &mut ServiceConfig| {
            let waiting = Arc::clone(&waiting);
            let wait = move |_: Bytes| {
                let waiting = Arc::clone(&waiting);
                async move {
                    waiting.notified().await;
                    HttpResponse::Ok().finish()
                }
            };
            config.app_data(shared.clone()).route("/feed", web::to(follow));
            config.route("/slow", web::to(wait));
        };
        let app = move || App::new().configure(configure.clone());
        let (address, handle) = match serving {
            Serving::Own => {
                let server = Server::bind("127.0.0.1:0", app).unwrap().workers(1).run().unwrap();
                let told = (server.address(), server.handle());
                actix::spawn(server);
                told
            }
            Serving::Plain => {
                let server = HttpServer::new(app).workers(1).disable_signals();
                let server = server.bind(("127.0.0.1", 0)).unwrap();
                let address = server.addrs()[0];
                let server = server.run();
                let handle = server.handle();
                actix::spawn(server);
                (address, handle)
            }
        };
        Site { address, feed, slow, encoded, said, handle }
    }

    /// Answers a request for `/slow`, which waits until then.
    pub(crate) fn answer_slow(&self) {
        self.slow.notify_one();
    }

    pub(crate) fn feed(&self) -> Feed<Toy> {
        self.feed.read().unwrap().clone()
    }

    /// Serves another feed from now on, and stops the previous one.
    pub(crate) async fn replace(&self, feed: Feed<Toy>) {
        let before = std::mem::replace(&mut *self.feed.write().unwrap(), feed);
        soon(before.stop()).await;
    }

    pub(crate) async fn open(&self, transport: Transport, wish: &Wish) -> Reader {
        let opened = self.try_open(transport, wish).await;
        opened.unwrap_or_else(|status| panic!("{transport:?} of {wish:?}: {status}"))
    }

    pub(crate) async fn try_open(&self, transport: Transport, wish: &Wish) -> Result<Reader, u16> {
        Reader::try_open(transport, self.address, &self.feed(), wish).await
    }

    /// Stops the feed and the server.
    pub(crate) async fn stop(self) {
        let feed = self.feed();
        soon(feed.stop()).await;
        self.halt().await;
    }

    /// Stops the server.
    pub(crate) async fn halt(&self) {
        soon(self.handle.stop(true)).await;
    }
}

async fn follow(
    request: HttpRequest,
    body: Payload,
    asked: Query<Asked>,
    shared: Data<Shared>,
) -> Result<HttpResponse, Error> {
    let names = |list: &str| {
        list.split(',').filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let viewer = if asked.guest { Viewer::Guest } else { Viewer::Staff };
    let mut options = SessionOptions::new(names(&asked.channels), viewer)
        .ephemeral(names(&asked.ephemeral))
        .start(StartAt::from_request(&request)?);
    SERVES.set(true);
    if asked.custom {
        options = options.shape(shared.shape);
    }
    if asked.slow {
        options = options.shape(shared.slow_shape);
    }
    if let Some(channel) = &asked.present {
        let said = Arc::clone(&shared.said);
        let presence = Presence::new(channel.as_str(), Json::encode(&asked.view).unwrap()).unwrap();
        let hear = move |text: &str| said.lock().unwrap().push(text.to_owned());
        options = options.present(presence.view(asked.view).on_text(hear));
    }
    if let Some(grant) = asked.grant {
        options = options.grant(grant, asked.as_of);
    }
    let feed = shared.feed.read().unwrap().clone();
    match accepts(request.headers(), "text/event-stream") {
        true => feed.sse(&request, options).await,
        false => feed.websocket(&request, body, options).await,
    }
}
