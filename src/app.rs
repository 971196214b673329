//! The application: starts every long-lived part, in order, and ends them in the opposite one.
//! Tests start the very same thing on port 0.

use std::any::Any;
use std::fs::{File, TryLockError};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix::Arbiter;
use actix_web::dev::Server;
use actix_web::middleware::{Compress, DefaultHeaders, from_fn};
use actix_web::web::Data;
use actix_web::{App as WebApp, HttpServer};
use socket2::SockRef;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, watch};

use crate::config::Config;
use crate::controllers::pages;
use crate::db::{self, Db};
use crate::events::pruner;
use crate::events::recent::Recent;
use crate::events::relay::Announcer;
use crate::events::replay::Replay;
use crate::live::{Live, Sockets};
use crate::models::event;
use crate::pubsub::PubSub;
use crate::search::Search;
use crate::state::State;
use crate::{guard, router};

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
    stopping: watch::Sender<bool>,
    stop: Arc<Notify>,
    terminate: Signal,
    interrupt: Signal,
    /// Held for as long as the data is in use.
    _lock: File,
}

impl App {
    /// Starts everything. Must be called in an actix system.
    pub async fn build(config: Config) -> Result<App, Error> {
        // First of all: a signal that comes while the rest starts is not missed.
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        let lock = lock(&config.storage.data_dir)?;
        let core = Arbiter::new();
        let pubsub = PubSub::start_in(&core.handle(), config.node.as_str());
        let stopping = watch::Sender::new(false);
        let (db, recent) = start_db(&config, &core, &pubsub, stopping.subscribe()).await?;
        let sockets = Sockets::new(config.max_sockets, config.heartbeat);
        let replay = Replay::new(db.clone(), recent);
        let search = Search::start(config.storage.index(), db.clone(), pubsub.clone())?;
        let live = Live { pubsub, replay, sockets };
        let state = Data::new(State { config, db, live, search });
        let (server, port) = listen(&state)?;
        log::info!(
            "this is node {}; open http://{}:{port}/",
            state.config.node,
            host(&state.config)
        );
        log::warn!("access is open: anyone who can reach this address may read and write");
        let stop = Arc::new(Notify::new());
        Ok(App { server, port, state, core, stopping, stop, terminate, interrupt, _lock: lock })
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
        let App { server, state, core, stopping, stop, mut terminate, mut interrupt, .. } = self;
        let handle = server.handle();
        let mut serving = actix_web::rt::spawn(server);
        tokio::select! {
            _ = terminate.recv() => log::info!("SIGTERM: stopping"),
            _ = interrupt.recv() => log::info!("SIGINT: stopping"),
            () = stop.notified() => log::info!("stopping"),
            ended = &mut serving => {
                let error = ended.map_err(std::io::Error::other).and_then(|ended| ended).err();
                return Err(error.unwrap_or_else(|| std::io::Error::other("the server ended")).into());
            }
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
        stopping.send_replace(true);
        core.stop();
        log::info!("stopped");
        Ok(())
    }
}

/// The host to open in a browser.
fn host(config: &Config) -> String {
    match config.bind.ip() {
        ip if ip.is_unspecified() => "localhost".to_owned(),
        IpAddr::V6(ip) => format!("[{ip}]"),
        IpAddr::V4(ip) => ip.to_string(),
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

/// Opens the database and starts the relay, which hears of every commit, and the pruner.
async fn start_db(
    config: &Config,
    core: &Arbiter,
    pubsub: &PubSub,
    stopping: watch::Receiver<bool>,
) -> Result<(Db, Recent), Error> {
    let database = config.storage.database.clone();
    let name = database.to_string();
    let failed = |error| Error::Database(name.clone(), error);
    let announcer = Announcer::default();
    let tells = announcer.clone();
    let open = move || Db::open(&database, Box::new(move |events| tells.announce(events)));
    let opened = tokio::task::spawn_blocking(open).await;
    let db = opened.map_err(std::io::Error::other)?.map_err(failed)?;
    let position = db
        .read(|connection| Ok::<_, db::Error>(event::log(connection)?.position))
        .await
        .map_err(failed)?;
    let recent = Recent::after_position(position);
    let tick = config.heartbeat.ping;
    let kept = (db.clone(), pubsub.clone(), recent.clone());
    core.spawn_fn(move || {
        let (db, pubsub, recent) = kept;
        actix::spawn(announcer.keep(db, pubsub, recent, tick, stopping));
    });
    core.spawn(pruner::prune(db.clone(), config.retention));
    Ok((db, recent))
}

fn listen(state: &Data<State>) -> Result<(Server, u16), Error> {
    let config = &state.config;
    let app = Data::clone(state);
    let bind = config.bind;
    let silence = config.heartbeat.silence;
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
    .on_connect(move |connection, _| give_up_after(silence, connection))
    .keep_alive(Duration::from_secs(75))
    .shutdown_timeout(config.grace.as_secs())
    .disable_signals()
    .bind(bind)
    .map_err(|error| Error::Listen(bind, error))?;
    let port = server.addrs().first().map_or(bind.port(), SocketAddr::port);
    Ok((server.run(), port))
}

/// Has the kernel end a connection whose peer takes nothing for so long. A session whose socket is
/// blocked cannot do it: its actor runs only when there is room to write.
fn give_up_after(silence: Duration, connection: &dyn Any) {
    #[cfg(target_os = "linux")]
    if let Some(stream) = connection.downcast_ref::<actix_web::rt::net::TcpStream>()
        && let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(silence))
    {
        log::debug!("a connection has no timeout of its own: {error}");
    }
}

/// Nothing but this site's own files may run on its pages, and no other site may frame them.
fn security_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((
            "Content-Security-Policy",
            "default-src 'self'; img-src 'self' https: data:; style-src 'self'; \
             script-src 'self'; connect-src 'self'; frame-ancestors 'none'; \
             base-uri 'none'; form-action 'self'",
        ))
        .add(("X-Content-Type-Options", "nosniff"))
        .add(("Referrer-Policy", "same-origin"))
}
