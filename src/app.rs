//! The application. It starts every long-lived part in order and stops them in reverse order. Tests
//! start the same application on port 0.

mod erlang;
mod nodes;

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix::Arbiter;
use actix_web::web::Data;
use kilonova_feed::{Event, Limits, Origins, Running, Server};
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

/// The reason why the application did not start, or stopped, as one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data folder cannot be used, or another server uses the same data.
    #[error(transparent)]
    Folder(#[from] locks::Error),
    /// The database cannot be opened.
    #[error("cannot open the database {0}: {1}")]
    Database(String, #[source] db::Error),
    /// The log in the database cannot be read.
    #[error("cannot read the log in the database {0}: {1}")]
    Log(String, String),
    /// The site's keys cannot be read or created.
    #[error("cannot read the keys in the database {0}: {1}")]
    Keys(String, String),
    /// The address is in use or not an address of this machine.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// The address for metrics and health checks is in use or not an address of this machine.
    #[error("--admin-bind: cannot listen on {0}: {1}")]
    ListenForAdmin(SocketAddr, #[source] std::io::Error),
    /// The site's name is not valid in a URL.
    #[error("{0} is not a valid host name; pass --public-url")]
    Name(String),
    /// The system permits too few file descriptors.
    #[error(transparent)]
    Descriptors(#[from] descriptors::TooFew),
    /// The node cannot join the cluster as configured.
    #[error("cannot join the cluster: {0}")]
    Cluster(#[from] cluster::Error),
    /// The feed ended, because the database was replaced or restored while the server was running.
    #[error("{0}")]
    Ended(Arc<str>),
    /// Any other system error.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

/// A started application. It listens, but answers only after [`App::run_until_stopped`] is called.
pub struct App {
    server: Running,
    admin: Option<Running>,
    state: Data<State>,
    core: Arbiter,
    node: Cluster,
    stop: Arc<Notify>,
    terminate: Signal,
    interrupt: Signal,
    /// Held while the data is in use.
    _locks: (Lock, Option<Lock>),
}

impl App {
    /// Starts all parts. Must be called inside an actix system.
    pub async fn build(mut config: Config) -> Result<App, Error> {
        // Register signals first, so that one that arrives during startup is not missed.
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        let shortage = descriptors::fit(&mut config, descriptors::available())?;
        let Storage { data_dir, database } = &config.storage;
        let locks = (locks::take(data_dir)?, locks::share(database, data_dir)?);
        let core = Arbiter::new();
        let node = nodes::start(&config, &core).await?;
        // Bind before there is anything to undo.
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
        // Nothing has been written before this point.
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
                        "feeds and the sitemap link to {}; if readers use another address, pass \
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

    /// The port of the site's listener.
    pub fn port(&self) -> u16 {
        self.server.address().port()
    }

    /// The port of the listener for metrics and health checks, if there is one.
    pub fn admin_port(&self) -> Option<u16> {
        self.admin.as_ref().map(|admin| admin.address().port())
    }

    /// The state shared with the controllers.
    pub fn state(&self) -> Data<State> {
        Data::clone(&self.state)
    }

    /// Returns a handle that stops `run_until_stopped` as a signal does when notified. A second
    /// notification ends the drain period.
    pub fn stopper(&self) -> Arc<Notify> {
        Arc::clone(&self.stop)
    }

    /// Serves until SIGTERM, SIGINT or the stopper. It keeps serving during the drain period but
    /// reports that it is not ready. It then shuts down within the grace period: it takes no new
    /// connections, closes sockets with 1001 in batches, and finishes requests and writes in
    /// progress. If the database was replaced or restored, it skips draining, shuts down and
    /// returns an error.
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
            log::warn!("a second signal: exiting immediately");
            // All committed writes are on disk.
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
        // A worker waits for its requests, but not for upgraded sockets.
        handle.pause().await;
        door.shut();
        let until = Instant::now() + grace.mul_f32(0.7);
        let sockets = state.feed.sockets();
        sockets.close_over(grace.mul_f32(0.25)).await;
        let closed = sockets.all_closed();
        if tokio::time::timeout(grace.mul_f32(0.25), closed).await.is_err() {
            log::warn!("{} sockets did not close in time and were cut off", sockets.open());
        }
        let requests = tokio::time::timeout_at(until, handle.stop(true)).await;
        if requests.is_err() {
            log::warn!("requests still in progress after {:?} were cut off", grace.mul_f32(0.7));
            serving.abort();
        }
        let rest = async {
            state.search.stop().await;
            state.feed.stop().await;
            state.db.close().await;
            node.close().await;
        };
        // Closing the database gets at least a second, because afterwards the main file is the
        // whole site.
        let left = grace.mul_f32(0.25).max(Duration::from_secs(1));
        if tokio::time::timeout(left, rest).await.is_err() {
            log::warn!("the shutdown did not complete in time");
        }
        if let Some((handle, _)) = admin {
            drop(tokio::time::timeout(Duration::from_secs(1), handle.stop(false)).await);
        }
        core.stop();
        log::info!("stopped");
        fault.map_or(Ok(()), Err)
    }
}

/// The steps after a stop signal, for the log.
fn plan(config: &Config) -> String {
    match config.drain {
        Duration::ZERO => "stopping".to_owned(),
        drain => format!("draining for {drain:?}, then stopping"),
    }
}

/// Logs how to add an admin if there is none.
async fn ask_for_admin(state: &State) -> Result<(), Error> {
    // No account has the id 0.
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
            format!("{}{}/, which is served at {here}", public.origin(), public.path)
        }
        None => here,
    }
}

/// Opens the database. It sends committed events to Erlang nodes, and to the feed once that is set.
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

/// Reads or creates the keys of device cookies and feeds. It also fills in the confusable-name
/// skeletons of accounts from earlier versions.
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

/// Starts the feed of this database's log on `core`.
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
        .heartbeat(config.heartbeat)
        // `guard` has checked them, with the site's names and allowed origins.
        .origins(Origins::Any);
    let fragments =
        Fragments { root: config.reach.path().into(), open: config.access == Access::Open };
    let shapes = Shapes::add_to(&mut feed, move |envelope| fragments.frame(envelope));
    let started = feed.start_in(&core.handle()).await;
    let name = config.storage.database.to_string();
    let feed = started.map_err(|error| Error::Log(name, error.to_string()))?;
    Ok((feed, shapes))
}

/// Returns a function that maps a peer to the address that its connections count against.
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
