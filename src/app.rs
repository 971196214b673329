//! The application: starts every long-lived part, in order, and ends them in the opposite one.
//! Tests start the very same thing on port 0.

mod erlang;
mod nodes;

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix::Arbiter;
use actix_web::web::Data;
use kilonova_feed::{Event, Limits, Running, Server};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::accounts::{Accounts, Ends};
use crate::admin;
use crate::bodies::Bodies;
use crate::cluster::{self, Cluster, Erlang};
use crate::config::{Access, Config, Storage};
use crate::db::{self, Db};
use crate::description::Description;
use crate::descriptors;
use crate::error::AppError;
use crate::events::{outage, pruner};
use crate::limits;
use crate::locks::{self, Lock};
use crate::logging;
use crate::models::post::TagCache;
use crate::models::site_key::{self, Key};
use crate::models::user;
use crate::overview;
use crate::peers::Peers;
use crate::presence::Presence;
use crate::publisher;
use crate::pubsub::PubSub;
use crate::reach::{self, Address};
use crate::renderings::Renderings;
use crate::responses::Responses;
use crate::router;
use crate::search::Search;
use crate::site_log::{Feed, Shapes, SiteLog};
use crate::state::{Started, State};
use crate::traffic::Traffic;
use crate::views::fragments::Fragments;
use crate::views::pages::Reference;

/// Why the application does not start; one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data folder cannot be used, or another server works on the same data.
    #[error(transparent)]
    Folder(#[from] locks::Error),
    /// The database cannot be opened.
    #[error("cannot open the database {0}: {1}")]
    Database(String, #[source] db::Error),
    /// The log in the database cannot be read.
    #[error("cannot read the log in the database {0}: {1}")]
    Log(String, String),
    /// The site's keys cannot be read or made.
    #[error("cannot read the keys in the database {0}: {1}")]
    Keys(String, String),
    /// The address is taken or not ours.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// The address for metrics and health is taken or not ours.
    #[error("--admin-bind: cannot listen on {0}: {1}")]
    ListenForAdmin(SocketAddr, #[source] std::io::Error),
    /// No address can be made of the site's name.
    #[error("{0} is no name that an address can have; pass --public-url")]
    Name(String),
    /// The system gives too few file descriptors.
    #[error(transparent)]
    Descriptors(#[from] descriptors::TooFew),
    /// The other nodes cannot be reached, or cannot reach this one, as it was told to.
    #[error("cannot join the cluster: {0}")]
    Cluster(#[from] cluster::Error),
    /// What this node has shown is of another history than what it would show from now on.
    #[error("{0}")]
    Ended(Arc<str>),
    /// Anything else that the system refuses.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

/// A started application that listens, but does not answer before it is run.
pub struct App {
    server: Running,
    admin: Option<Running>,
    state: Data<State>,
    core: Arbiter,
    node: Cluster,
    stop: Arc<Notify>,
    terminate: Signal,
    interrupt: Signal,
    /// Held for as long as the data is in use.
    _locks: (Lock, Option<Lock>),
}

impl App {
    /// Starts everything. Must be called in an actix system.
    pub async fn build(mut config: Config) -> Result<App, Error> {
        // First of all: a signal that comes while the rest starts is not missed.
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        let shortage = descriptors::fit(&mut config, descriptors::available())?;
        let Storage { data_dir, database } = &config.storage;
        let locks = (locks::take(data_dir)?, locks::share(database, data_dir)?);
        let core = Arbiter::new();
        let node = nodes::start(&config, &core).await?;
        // Before there is anything to undo.
        let listener =
            kilonova_feed::bind(config.bind).map_err(|error| Error::Listen(config.bind, error))?;
        let admin = config.admin_bind.map(|address| {
            kilonova_feed::bind(address).map_err(|error| Error::ListenForAdmin(address, error))
        });
        let admin = admin.transpose()?;
        let bound = listener.local_addr()?;
        let address = Address::of(&config.reach, bound)
            .ok_or_else(|| Error::Name(config.reach.hosts.join(", ")))?;
        let (db, told) = open_db(&config, node.erlang().cloned()).await?;
        locks::warn_if_open_to_others(&config.storage.database);
        let (feed, shapes) = start_feed(&config, &core, node.pubsub(), &db).await?;
        // Until here nobody has written.
        drop(told.set(feed.clone()));
        let ages = pruner::Ages { binned: config.bin, copies: config.max_copy_age };
        core.spawn(pruner::prune(db.clone(), config.retention, ages));
        core.spawn(outage::tell(feed.clone()));
        core.spawn(publisher::publish(db.clone(), config.access));
        let search =
            Search::start(config.storage.index(), db.clone(), feed.clone(), config.max_searches)?;
        let ends = Ends::start(&db, node.pubsub()).await;
        let ends =
            ends.map_err(|error| Error::Database(config.storage.database.to_string(), error))?;
        core.spawn(ends.clone().follow(db.clone(), feed.clone()));
        let [device_key, feeds_key] = keys(&config, &db).await?;
        let accounts = Accounts::new(config.accounts, device_key, ends);
        let limits = Data::new(limits::Limits::new(config.allowances));
        let responses = Data::new(Responses::new(config.max_responses));
        let bodies = Bodies::new(config.max_bodies);
        let renderings = Renderings::new(config.max_renderings)?;
        let presence = Presence::new(feed.clone(), db.clone(), core.handle());
        let peers = Arc::<Peers>::default();
        if config.cluster.is_some() {
            core.spawn(Arc::clone(&peers).follow(feed.clone()));
        }
        let description = Description::of(&config, &address);
        let reference =
            Reference::of(&description.openapi.value, &description.asyncapi.value).into();
        let state = Data::new(State {
            config,
            address,
            feeds_key,
            description,
            reference,
            db,
            feed,
            presence,
            shapes,
            accounts,
            limits,
            responses,
            bodies,
            renderings,
            tags: TagCache::default(),
            search,
            traffic: Arc::<Traffic>::default(),
            peers,
            connections: OnceLock::new(),
            started: Started::now(),
            draining: AtomicBool::new(false),
        });
        let server = serve(&state, listener)?;
        state.connections.get_or_init(|| server.connections());
        let shown = Data::clone(&state);
        let admin = admin.map(|listener| admin::serve(listener, shown)).transpose()?;
        core.spawn(overview::tell(Data::clone(&state)));
        if let Some(shortage) = shortage {
            log::warn!("{shortage}");
        }
        log::info!("this is node {}; open {}", state.config.node, open_at(&state.config, bound));
        if let Some(admin) = &admin {
            let bound = admin.address();
            log::info!("metrics are at http://{bound}/metrics");
            if !bound.ip().is_loopback() {
                log::warn!("--admin-bind: anyone who can reach {bound} may read metrics");
            }
        }
        match state.config.access {
            Access::Open => {
                log::warn!("access is open: anyone who can reach this address may read and write");
            }
            Access::Accounts => {
                if state.config.reach.public.is_none() {
                    log::warn!(
                        "feeds and the sitemap lead to {}: if readers reach the site elsewhere, pass \
                         --public-url",
                        state.address.to("/")
                    );
                }
                ask_for_admin(&state).await?;
            }
        }
        let stop = Arc::new(Notify::new());
        Ok(App { server, admin, state, core, node, stop, terminate, interrupt, _locks: locks })
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.server.address().port()
    }

    /// The port of metrics and health, if they have one.
    pub fn admin_port(&self) -> Option<u16> {
        self.admin.as_ref().map(|admin| admin.address().port())
    }

    /// What the controllers work with.
    pub fn state(&self) -> Data<State> {
        Data::clone(&self.state)
    }

    /// Ends `run_until_stopped` as a signal would, when notified. Notified again, it ends the
    /// draining.
    pub fn stopper(&self) -> Arc<Notify> {
        Arc::clone(&self.stop)
    }

    /// Serves until SIGTERM, SIGINT or the stopper, and says for the time of draining that it is not
    /// ready. Then it stops within the grace: takes no new connections, closes sockets with 1001 in
    /// batches, finishes the requests and the writes under way. Does the same without draining, and
    /// fails, when the database is no longer the one that it was.
    pub async fn run_until_stopped(self) -> Result<(), Error> {
        let App { server, admin, state, core, node, stop, mut terminate, mut interrupt, .. } = self;
        let (handle, door) = (server.handle(), server.door()?);
        let admin = admin.map(|admin| (admin.handle(), actix_web::rt::spawn(admin)));
        let mut serving = actix_web::rt::spawn(server);
        let mut fault = None;
        tokio::select! {
            _ = terminate.recv() => log::info!("SIGTERM: {}", plan(&state.config)),
            _ = interrupt.recv() => log::info!("SIGINT: {}", plan(&state.config)),
            () = stop.notified() => log::info!("{}", plan(&state.config)),
            reason = state.feed.ended() => fault = Some(Error::Ended(reason)),
            ended = &mut serving => {
                let error = ended.map_err(std::io::Error::other).and_then(|ended| ended).err();
                return Err(error.unwrap_or_else(|| std::io::Error::other("the server ended")).into());
            }
        }
        let Config { drain, grace, .. } = state.config;
        actix_web::rt::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            log::warn!("a second signal: exiting at once");
            // What is committed is on disk.
            logging::flush();
            std::process::exit(1);
        });
        state.draining.store(true, Ordering::Relaxed);
        if fault.is_none() && !drain.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(drain) => log::info!("drained: stopping"),
                () = stop.notified() => log::info!("stopping"),
                reason = state.feed.ended() => fault = Some(Error::Ended(reason)),
            }
        }
        logging::stopping();
        // A worker waits for its requests, but not for the sockets that left HTTP behind.
        handle.pause().await;
        door.shut();
        let until = Instant::now() + grace.mul_f32(0.7);
        let sockets = state.feed.sockets();
        sockets.close_over(grace.mul_f32(0.25)).await;
        let closed = sockets.all_closed();
        if tokio::time::timeout(grace.mul_f32(0.25), closed).await.is_err() {
            log::warn!("{} sockets did not close in time: cut", sockets.open());
        }
        let requests = tokio::time::timeout_at(until, handle.stop(true)).await;
        if requests.is_err() {
            log::warn!("requests were still under way after {:?}: cut", grace.mul_f32(0.7));
            serving.abort();
        }
        let rest = async {
            state.search.stop().await;
            state.feed.stop().await;
            state.db.close().await;
            node.close().await;
        };
        // The database is closed however little time there is: the main file is the whole site.
        let left = grace.mul_f32(0.25).max(Duration::from_secs(1));
        if tokio::time::timeout(left, rest).await.is_err() {
            log::warn!("not everything could be finished in time");
        }
        if let Some((handle, _)) = admin {
            drop(tokio::time::timeout(Duration::from_secs(1), handle.stop(false)).await);
        }
        core.stop();
        log::info!("stopped");
        fault.map_or(Ok(()), Err)
    }
}

/// What comes after the signal to stop, for the log.
fn plan(config: &Config) -> String {
    match config.drain {
        Duration::ZERO => "stopping".to_owned(),
        drain => format!("draining for {drain:?}, then stopping"),
    }
}

/// Says what to do while nobody runs the site.
async fn ask_for_admin(state: &State) -> Result<(), Error> {
    // No account has this id.
    let has_admin = state.db.read(|c| Ok::<_, db::Error>(user::has_other_admin(c, 0)?)).await;
    let name = state.config.storage.database.to_string();
    if !has_admin.map_err(|error| Error::Database(name, error))? {
        log::warn!("there is no admin yet; add one: kilonova user add NAME --admin");
    }
    Ok(())
}

/// The address to open in a browser.
fn open_at(config: &Config, bound: SocketAddr) -> String {
    let here = format!("{}/", reach::local(bound));
    match &config.reach.public {
        Some(public) => {
            format!("{}{}/, which leads to {here}", public.origin(), public.path)
        }
        None => here,
    }
}

/// Opens the database. What it commits is told to Erlang nodes, and to the feed, once there is one.
async fn open_db(
    config: &Config,
    nodes: Option<Erlang>,
) -> Result<(Db, Arc<OnceLock<Feed>>), Error> {
    let database = config.storage.database.clone();
    let name = database.to_string();
    let feed = Arc::<OnceLock<Feed>>::default();
    let told = Arc::clone(&feed);
    let on_commit = move |events: Vec<Event>| {
        if let Some(nodes) = &nodes {
            erlang::tell(nodes, &events);
        }
        if let Some(feed) = told.get() {
            feed.committed(events);
        }
    };
    let opened = tokio::task::spawn_blocking(move || Db::open(&database, Box::new(on_commit)));
    let db = opened.await.map_err(std::io::Error::other)?;
    Ok((db.map_err(|error| Error::Database(name, error))?, feed))
}

/// The keys of device cookies and of feeds. Notes what the names of accounts from before look like,
/// too.
async fn keys(config: &Config, db: &Db) -> Result<[Key; 2], Error> {
    let get = |tx: &mut db::Tx<'_>| {
        user::fill_skeletons(tx.connection)?;
        let mut key = |name| site_key::get_or_make(tx.connection, name);
        Ok::<_, AppError>([key(site_key::DEVICE)?, key(site_key::FEEDS)?])
    };
    let name = config.storage.database.to_string();
    let keys = db.transaction(get).await.map_err(|error| Error::Keys(name, error.to_string()))?;
    Ok(keys.value)
}

/// Starts the feed of what this database's log has, on `core`.
async fn start_feed(
    config: &Config,
    core: &Arbiter,
    pubsub: &PubSub,
    db: &Db,
) -> Result<(Feed, Shapes), Error> {
    let mut feed = Feed::builder(pubsub.clone(), SiteLog::new(db.clone()))
        .limits(Limits {
            sockets: config.max_sockets,
            sockets_per_address: config.max_sockets_per_address,
            handshakes: config.max_handshakes,
            client_frames: config.max_client_frames,
            queue: config.queue,
            replay_bytes: config.max_replay_bytes,
        })
        .heartbeat(config.heartbeat);
    let fragments =
        Fragments { root: config.reach.path().into(), open: config.access == Access::Open };
    let shapes = Shapes::add_to(&mut feed, move |envelope| fragments.frame(envelope));
    let started = feed.start_in(&core.handle()).await;
    let name = config.storage.database.to_string();
    let feed = started.map_err(|error| Error::Log(name, error.to_string()))?;
    Ok((feed, shapes))
}

/// Under which address a connection counts.
fn count_under(config: &Config) -> impl Fn(IpAddr) -> Option<IpAddr> + Send + Sync + 'static {
    let (access, reach) = (config.access, config.reach.clone());
    move |peer| match access {
        Access::Open => Some(peer),
        Access::Accounts => reach.counted(peer),
    }
}

/// Starts the workers.
fn serve(state: &Data<State>, listener: TcpListener) -> std::io::Result<Running> {
    let (config, site, expecting) = (&state.config, Data::clone(state), Data::clone(state));
    Server::listen(listener, move || router::site(Data::clone(&site)))
        .workers(config.workers)
        .max_connections(config.max_connections)
        .max_connections_per_address(config.max_connections_per_address)
        .count_under(count_under(config))
        .max_unread(config.max_unread)
        .request_timeout(config.request_timeout)
        .silence(config.heartbeat.silence)
        .grace(config.grace)
        .expect(move |head| Ok(router::expect(head, &expecting.config)?))
        .run()
}
