//! The application: starts every long-lived part, in order, and ends them in the opposite one.
//! Tests start the very same thing on port 0.

use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix::{Actor, Addr, Arbiter, Context};
use actix_web::dev::Server;
use actix_web::middleware::{Compress, DefaultHeaders, from_fn};
use actix_web::web::Data;
use actix_web::{App as WebApp, HttpServer};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

use crate::config::Config;
use crate::controllers::pages;
use crate::db::{self, Db};
use crate::events::recent::Recent;
use crate::events::relay::{Committed, Relay};
use crate::events::replay::Replay;
use crate::live::{Live, Sockets};
use crate::models::event;
use crate::pubsub::PubSub;
use crate::search::Search;
use crate::{guard, router};

/// What the controllers work with.
pub struct State {
    /// The flags, checked.
    pub config: Config,
    /// The database.
    pub db: Db,
    /// The process groups, replays and sockets.
    pub live: Live,
    /// The search index.
    pub search: Search,
}

/// Why the application does not start; one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data folder cannot be made or used.
    #[error("cannot use the folder {0}: {1}")]
    Folder(String, #[source] std::io::Error),
    /// Another server works on the same data.
    #[error("another server uses the folder {0}")]
    Locked(String),
    /// The database cannot be opened.
    #[error("cannot open the database {0}: {1}")]
    Database(String, #[source] db::Error),
    /// The address is taken or not ours.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// Anything else that the system refuses.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

/// A started application that listens, but does not answer before it is run.
pub struct App {
    server: Server,
    port: u16,
    state: Data<State>,
    core: Arbiter,
    stop: Arc<Notify>,
    /// Held for as long as the data is in use.
    _lock: File,
}

impl App {
    /// Starts everything. Must be called in an actix system.
    pub async fn build(config: Config) -> Result<App, Error> {
        let lock = lock(&config.storage.data_dir)?;
        let core = Arbiter::new();
        let pubsub = PubSub::start_in(&core.handle(), config.node.as_str());
        let (db, recent) = start_db(&config, &core, &pubsub).await?;
        let sockets = Sockets::new(config.max_sockets, config.heartbeat);
        let replay = Replay::new(db.clone(), recent);
        let search = Search::start(config.storage.index(), db.clone(), pubsub.clone())?;
        let live = Live { pubsub, replay, sockets };
        let state = Data::new(State { config, db, live, search });
        let (server, port) = listen(&state)?;
        Ok(App { server, port, state, core, stop: Arc::new(Notify::new()), _lock: lock })
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What the controllers work with.
    pub fn state(&self) -> Data<State> {
        Data::clone(&self.state)
    }

    /// Ends `run_until_stopped` as a signal would, when notified.
    pub fn stopper(&self) -> Arc<Notify> {
        Arc::clone(&self.stop)
    }

    /// Serves until SIGTERM, SIGINT or the stopper, then stops within the grace: takes no new
    /// connections, closes sockets with 1001, finishes the requests and the writes under way.
    pub async fn run_until_stopped(self) -> Result<(), Error> {
        let App { server, state, core, stop, .. } = self;
        let handle = server.handle();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let serving = actix_web::rt::spawn(server);
        tokio::select! {
            _ = terminate.recv() => log::info!("SIGTERM: stopping"),
            _ = interrupt.recv() => log::info!("SIGINT: stopping"),
            () = stop.notified() => log::info!("stopping"),
        }
        let grace = state.config.grace;
        state.live.sockets.close_all();
        let requests = tokio::time::timeout(grace.mul_f32(0.7), handle.stop(true)).await;
        if requests.is_err() {
            log::warn!("requests were still under way after {:?}: cut", grace.mul_f32(0.7));
            serving.abort();
        }
        let rest = async {
            state.search.stop().await;
            state.db.close().await;
        };
        if tokio::time::timeout(grace.mul_f32(0.25), rest).await.is_err() {
            log::warn!("not everything could be finished in time");
        }
        core.stop();
        log::info!("stopped");
        Ok(())
    }
}

/// Makes the data folder if it is missing, and takes it for this server alone.
fn lock(folder: &Path) -> Result<File, Error> {
    let name = || folder.display().to_string();
    std::fs::create_dir_all(folder).map_err(|error| Error::Folder(name(), error))?;
    let path = folder.join("server.lock");
    let file = File::create(path).map_err(|error| Error::Folder(name(), error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked(name())),
        Err(TryLockError::Error(error)) => Err(Error::Folder(name(), error)),
    }
}

/// Opens the database and starts the relay, which hears of every commit.
async fn start_db(config: &Config, core: &Arbiter, pubsub: &PubSub) -> Result<(Db, Recent), Error> {
    let path = config.storage.database();
    let name = path.display().to_string();
    let relay: Arc<OnceLock<(Recent, Addr<Relay>)>> = Arc::default();
    let hears = Arc::clone(&relay);
    let on_commit: db::OnCommit = Box::new(move |events| {
        let Some((recent, relay)) = hears.get() else { return };
        recent.committed(&events);
        // A relay too busy to be told finds them in the log.
        if relay.try_send(Committed(events)).is_err() {
            log::debug!("the relay is busy: it will read the log");
        }
    });
    let failed = |error| Error::Database(name.clone(), error);
    let opened = tokio::task::spawn_blocking(move || Db::open(&path, on_commit)).await;
    let db = opened.map_err(std::io::Error::other)?.map_err(failed)?;
    let position = db
        .read(|connection| Ok::<_, db::Error>(event::log(connection)?.position))
        .await
        .map_err(failed)?;
    let recent = Recent::after_position(position);
    let tick = config.heartbeat.ping;
    let actor = Relay::new(db.clone(), pubsub.clone(), recent.clone(), position, tick);
    let address = Relay::start_in_arbiter(&core.handle(), move |_: &mut Context<Relay>| actor);
    drop(relay.set((recent.clone(), address)));
    Ok((db, recent))
}

fn listen(state: &Data<State>) -> Result<(Server, u16), Error> {
    let config = &state.config;
    let app = Data::clone(state);
    let bind = config.bind;
    let server = HttpServer::new(move || {
        let state = Data::clone(&app);
        // The last one wrapped sees a request first.
        WebApp::new()
            .app_data(state)
            .wrap(from_fn(guard::catch_panic))
            .wrap(from_fn(guard::admit))
            .wrap(from_fn(pages::show_errors))
            .wrap(security_headers())
            .wrap(Compress::default())
            .configure(router::configure)
    })
    .workers(config.workers)
    .client_request_timeout(config.request_timeout.unwrap_or(Duration::ZERO))
    .keep_alive(Duration::from_secs(75))
    .shutdown_timeout(config.grace.as_secs())
    .disable_signals()
    .bind(bind)
    .map_err(|error| Error::Listen(bind, error))?;
    let port = server.addrs().first().map_or(bind.port(), SocketAddr::port);
    Ok((server.run(), port))
}

/// Nothing but this site's own files may run on its pages, and no other site may frame them.
fn security_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((
            "Content-Security-Policy",
            "default-src 'self'; img-src 'self' https: data:; style-src 'self'; \
             script-src 'self'; connect-src 'self' ws: wss:; frame-ancestors 'none'; \
             base-uri 'none'; form-action 'self'",
        ))
        .add(("X-Content-Type-Options", "nosniff"))
        .add(("Referrer-Policy", "same-origin"))
}
