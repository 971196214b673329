//! The application: starts every long-lived part, in order, and ends them in the opposite one.
//! Tests start the very same thing on port 0.

mod nodes;

use std::fs::{File, TryLockError};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use actix::Arbiter;
use actix_server::Server;
use actix_web::web::Data;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, watch};

use crate::accounts::Accounts;
use crate::cluster::{self, Cluster};
use crate::config::{Config, Storage};
use crate::connection::{Database, LOCK};
use crate::db::{self, Db};
use crate::descriptors;
use crate::events::pace::Pace;
use crate::events::pruner;
use crate::events::recent::Recent;
use crate::events::relay::{Announcer, Parts};
use crate::events::replay::Replay;
use crate::live::{Live, Sockets};
use crate::models::event;
use crate::pubsub::PubSub;
use crate::search::Search;
use crate::server::{self, Door};
use crate::state::State;

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
    /// The system gives too few file descriptors.
    #[error(transparent)]
    Descriptors(#[from] descriptors::TooFew),
    /// The other nodes cannot be reached, or cannot reach this one, as it was told to.
    #[error("cannot join the cluster: {0}")]
    Cluster(#[from] cluster::Error),
    /// What this node has shown is of another history than what it would show from now on.
    #[error(
        "the database is another one than at the start, or was put back to an earlier state: start again"
    )]
    Replaced,
    /// Anything else that the system refuses.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

/// A started application that listens, but does not answer before it is run.
pub struct App {
    server: Server,
    door: Door,
    port: u16,
    state: Data<State>,
    core: Arbiter,
    node: Cluster,
    stopping: watch::Sender<bool>,
    stop: Arc<Notify>,
    replaced: Arc<Notify>,
    terminate: Signal,
    interrupt: Signal,
    /// Held for as long as the data is in use.
    _locks: (File, Option<File>),
}

impl App {
    /// Starts everything. Must be called in an actix system.
    pub async fn build(mut config: Config) -> Result<App, Error> {
        // First of all: a signal that comes while the rest starts is not missed.
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        let shortage = descriptors::fit(&mut config, descriptors::available())?;
        let locks = (lock(&config.storage.data_dir)?, lock_database(&config.storage)?);
        let core = Arbiter::new();
        let node = nodes::start(&config, &core).await?;
        let pubsub = node.pubsub().clone();
        let stopping = watch::Sender::new(false);
        let pace = Pace::default();
        let replaced = Arc::<Notify>::default();
        let (db, recent) =
            start_db(&config, &core, &pubsub, &pace, &replaced, stopping.subscribe()).await?;
        let sockets = Sockets::new(&config);
        let replay = Replay::new(db.clone(), recent);
        let search = Search::start(config.storage.index(), db.clone(), pubsub.clone())?;
        let live = Arc::new(Live {
            pubsub,
            replay,
            sockets,
            heartbeat: config.heartbeat,
            queue: config.queue,
            max_client_frames: config.max_client_frames,
        });
        let accounts = Accounts::new(config.max_guesses_per_user, config.max_guesses_per_address);
        let bind = config.bind;
        let state = Data::new(State { config, db, live, accounts, search });
        let refused = |error| Error::Listen(bind, error);
        let (server, door) = server::listen(&state, &pace).map_err(refused)?;
        let port = door.port().map_err(refused)?;
        if let Some(shortage) = shortage {
            log::warn!("{shortage}");
        }
        log::info!(
            "this is node {}; open http://{}:{port}/",
            state.config.node,
            host(&state.config)
        );
        log::warn!("access is open: anyone who can reach this address may read and write");
        let stop = Arc::new(Notify::new());
        Ok(App {
            server,
            door,
            port,
            state,
            core,
            node,
            stopping,
            stop,
            replaced,
            terminate,
            interrupt,
            _locks: locks,
        })
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
    /// connections, closes sockets with 1001, finishes the requests and the writes under way. Does the same, and
    /// fails, when the database is no longer the one that it was.
    pub async fn run_until_stopped(self) -> Result<(), Error> {
        let App {
            server,
            door,
            state,
            core,
            node,
            stopping,
            stop,
            replaced,
            mut terminate,
            mut interrupt,
            ..
        } = self;
        let handle = server.handle();
        let mut serving = actix_web::rt::spawn(server);
        let mut fault = None;
        tokio::select! {
            _ = terminate.recv() => log::info!("SIGTERM: stopping"),
            _ = interrupt.recv() => log::info!("SIGINT: stopping"),
            () = stop.notified() => log::info!("stopping"),
            () = replaced.notified() => fault = Some(Error::Replaced),
            ended = &mut serving => {
                let error = ended.map_err(std::io::Error::other).and_then(|ended| ended).err();
                return Err(error.unwrap_or_else(|| std::io::Error::other("the server ended")).into());
            }
        }
        let grace = state.config.grace;
        // A worker waits for its requests, but not for the sockets that left HTTP behind.
        handle.pause().await;
        door.shut();
        state.live.sockets.close_all();
        let closed = state.live.sockets.all_closed();
        if tokio::time::timeout(grace.mul_f32(0.35), closed).await.is_err() {
            log::warn!("{} sockets did not close in time: cut", state.live.sockets.open());
        }
        let requests = tokio::time::timeout(grace.mul_f32(0.35), handle.stop(true)).await;
        if requests.is_err() {
            log::warn!("requests were still under way after {:?}: cut", grace.mul_f32(0.7));
            serving.abort();
        }
        let rest = async {
            state.search.stop().await;
            state.db.close().await;
            node.close().await;
        };
        if tokio::time::timeout(grace.mul_f32(0.25), rest).await.is_err() {
            log::warn!("not everything could be finished in time");
        }
        stopping.send_replace(true);
        core.stop();
        log::info!("stopped");
        fault.map_or(Ok(()), Err)
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
    let file = File::create(folder.join(LOCK)).map_err(|error| Error::Folder(name(), error))?;
    locked(file.try_lock(), file, folder)
}

/// Takes part in the folder of a SQLite file that is not in the data folder, so that it is not copied
/// meanwhile; others may work on it as well.
fn lock_database(storage: &Storage) -> Result<Option<File>, Error> {
    let Database::Sqlite(file) = &storage.database else { return Ok(None) };
    let folder = file.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let failed = |error| Error::Folder(folder.display().to_string(), error);
    std::fs::create_dir_all(folder).map_err(failed)?;
    if folder.canonicalize().map_err(failed)? == storage.data_dir.canonicalize().map_err(failed)? {
        return Ok(None);
    }
    let file = File::create(folder.join(LOCK)).map_err(failed)?;
    locked(file.try_lock_shared(), file, folder).map(Some)
}

fn locked(taken: Result<(), TryLockError>, file: File, folder: &Path) -> Result<File, Error> {
    let name = folder.display().to_string();
    match taken {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked(name)),
        Err(TryLockError::Error(error)) => Err(Error::Folder(name, error)),
    }
}

/// Opens the database and starts the relay, which hears of every commit, and the pruner.
async fn start_db(
    config: &Config,
    core: &Arbiter,
    pubsub: &PubSub,
    pace: &Pace,
    replaced: &Arc<Notify>,
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
    let parts = Parts {
        db: db.clone(),
        pubsub: pubsub.clone(),
        recent: recent.clone(),
        pace: pace.clone(),
        tick: config.heartbeat.ping,
        replaced: Arc::clone(replaced),
    };
    core.spawn_fn(move || {
        actix::spawn(announcer.keep(parts, stopping));
    });
    core.spawn(pruner::prune(db.clone(), config.retention));
    Ok((db, recent))
}
