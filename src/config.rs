//! The command line and the environment. No other module reads them.

mod clients;
mod cluster;
mod commands;
mod erlang;
mod files;
mod heading;
mod help;
mod operations;
mod settings;
mod site;

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use kilonova_feed::diesel::Retention;
use kilonova_feed::{Bounds, Heartbeat};

use self::clients::ClientArgs;
pub use self::cluster::Cluster;
use self::cluster::ClusterArgs;
pub use self::commands::{BackupArgs, CompletionsArgs, ManArgs, RestoreArgs, TailArgs};
use self::erlang::ErlangArgs;
use self::operations::OperationArgs;
pub use self::settings::{ConfigArgs, Setting};
use self::site::SiteArgs;
use crate::access::CommentRules;
use crate::accounts;
use crate::connection::{Database, Postgres};
use crate::limits::{Allowances, Quotas};
use crate::logging;
use crate::models::old_address::is_reserved;
use crate::models::user::Role;
use crate::reach::{PublicUrl, Reach, host_of};
use crate::site::Site;

/// The command line as clap parses it.
#[derive(Debug, Parser)]
#[command(
    name = "kilonova",
    version,
    about = "A live blog and notes, searchable, in one binary",
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    /// The subcommand; `serve` if none is given.
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

/// The available subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the server (the same as no command)
    Serve(Box<ServeArgs>),
    /// Creates, lists and changes accounts; a server may be running
    #[command(subcommand)]
    User(UserCommand),
    /// Backs the site up to one file; a server may be running
    Backup(BackupArgs),
    /// Restores a backup to an empty site; stop its servers first
    Restore(RestoreArgs),
    /// Imports a site or another program's export; a server may be running
    ///
    /// Reads a Zola, Hugo or Jekyll site, any folder of Markdown, or an export from Kilonova, Ghost
    /// or WordPress.
    Import(ImportArgs),
    /// Exports the site as Markdown that import reads back; a server may be running
    Export(ExportArgs),
    /// Copies a site to an empty database, with its events and their positions; stop its servers
    /// first
    Copy(CopyArgs),
    /// Rebuilds the search index; refused while a server holds it
    Reindex(StorageArgs),
    /// Follows the feed of a server in the terminal
    Tail(TailArgs),
    /// Prints the server's settings and the source of each
    Config(ConfigArgs),
    /// Prints a shell completion script
    Completions(CompletionsArgs),
    /// Writes manual pages, for packages
    #[command(hide = true)]
    Man(ManArgs),
}

/// The location of the data.
#[derive(Clone, Debug, Args)]
pub struct StorageArgs {
    /// Folder of the database and the search index
    ///
    /// It is created if it is missing. One server at a time can use it.
    #[arg(
        long,
        help_heading = heading::DATA,
        env = "KILONOVA_DATA_DIR",
        default_value = "./data",
        value_name = "DIR",
    )]
    pub data_dir: PathBuf,
    /// Database to use in place of the SQLite file in the data folder
    ///
    /// sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME. The environment variable DATABASE_URL has
    /// the same effect. Every user of the machine can read a command line, so put a password into
    /// the environment.
    #[arg(
        long,
        help_heading = heading::DATA,
        env = "KILONOVA_DATABASE_URL",
        value_name = "URL",
        hide_env_values = true,
    )]
    database_url: Option<String>,
}

/// `kilonova import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Folder or export file to import
    ///
    /// A Hugo, Jekyll or Zola site, part of one, any folder of Markdown, or the output of `kilonova
    /// export`. Also an export file from Ghost (JSON) or WordPress (XML), or a zip file of one.
    #[arg(value_name = "PATH")]
    pub source: PathBuf,
    /// Reports what an import would do and writes nothing to the database
    #[arg(long, env = "KILONOVA_DRY_RUN")]
    pub dry_run: bool,
    /// Exits with 1 if anything was left out or not understood
    ///
    /// The rest is imported anyway. To check beforehand, add --dry-run.
    #[arg(long, env = "KILONOVA_STRICT")]
    pub strict: bool,
    /// New file for all findings; the summary lists 20 of each kind
    #[arg(long, env = "KILONOVA_REPORT", value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Folder with the files that the posts of an export embed or link to
    ///
    /// For WordPress wp-content/uploads, for Ghost content.
    #[arg(long, env = "KILONOVA_MEDIA", value_name = "DIR")]
    pub media: Option<PathBuf>,
    /// The site to import into.
    #[command(flatten)]
    pub storage: StorageArgs,
}

/// `kilonova export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// New or empty folder
    ///
    /// The export includes drafts. Only its owner can read it.
    #[arg(value_name = "DIR")]
    pub target: PathBuf,
    /// The site to export.
    #[command(flatten)]
    pub storage: StorageArgs,
}

/// `kilonova copy`.
#[derive(Debug, Args)]
pub struct CopyArgs {
    /// Database to copy: sqlite:PATH or postgres://…
    #[arg(long, env = "KILONOVA_FROM", value_name = "URL", hide_env_values = true)]
    from: String,
    /// Empty database to copy to [default: DATABASE_URL]
    #[arg(long, env = "KILONOVA_TO", value_name = "URL", hide_env_values = true)]
    to: Option<String>,
}

/// The access policy for reading and writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Access {
    /// Everyone who can reach the address may read and write.
    Open,
    /// Everyone may read; writing needs an account.
    Accounts,
}

/// The policy for creating accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Registration {
    /// Readers create their own accounts.
    Open,
    /// Only `kilonova user add` creates accounts.
    Closed,
}

/// How comments of readers without an account are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GuestComments {
    /// Readers without an account cannot comment.
    Off,
    /// Each comment is shown once it is approved.
    Held,
}

/// How the first comments of an account are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NewcomerComments {
    /// Comments are shown immediately.
    Visible,
    /// Comments are held until one of the account's comments is approved.
    Held,
}

/// `kilonova user`.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Creates an account; prompts for the password, or reads it from piped standard input
    Add(UserAddArgs),
    /// Lists the accounts
    List(StorageArgs),
    /// Replaces a password, read as by `add`, and ends the account's sign-ins and tokens
    Password(UserArgs),
    /// Gives an account another role
    Role(UserRoleArgs),
    /// Prevents an account from signing in, and ends its sign-ins and tokens
    Disable(UserArgs),
    /// Lets a disabled account sign in again
    Enable(UserArgs),
}

/// `kilonova user add`.
#[derive(Debug, Args)]
pub struct UserAddArgs {
    /// Account to create: 3 to 40 letters, digits, '.', '-' and '_'
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Role of the account
    #[arg(long, env = "KILONOVA_ROLE", value_enum, default_value_t = Role::Member)]
    role: Role,
    /// The same as --role admin
    #[arg(long, env = "KILONOVA_ADMIN", conflicts_with = "role")]
    admin: bool,
    /// The site on which to create the account.
    #[command(flatten)]
    pub storage: StorageArgs,
}

impl UserAddArgs {
    /// The role of the new account.
    pub fn role(&self) -> Role {
        if self.admin { Role::Admin } else { self.role }
    }
}

/// `kilonova user password`, `disable` and `enable`.
#[derive(Debug, Args)]
pub struct UserArgs {
    /// The account
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The site that has the account.
    #[command(flatten)]
    pub storage: StorageArgs,
}

/// `kilonova user role`.
#[derive(Debug, Args)]
pub struct UserRoleArgs {
    /// The account
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The new role
    #[arg(value_enum)]
    pub role: Role,
    /// The site that has the account.
    #[command(flatten)]
    pub storage: StorageArgs,
}

/// `kilonova serve`.
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// Address and port to listen on
    ///
    /// Port 0 picks a free port.
    #[arg(
        long,
        help_heading = heading::ADDRESS,
        env = "KILONOVA_BIND",
        default_value = "127.0.0.1:8080",
        value_name = "ADDR:PORT",
    )]
    bind: SocketAddr,
    #[command(flatten)]
    storage: StorageArgs,
    /// Access policy for reading and writing [default: open on a loopback bind, else accounts]
    #[arg(long, help_heading = heading::ACCESS, env = "KILONOVA_ACCESS", value_enum)]
    access: Option<Access>,
    /// Policy for creating accounts [default: open in open access, else closed]
    #[arg(long, help_heading = heading::ACCESS, env = "KILONOVA_REGISTRATION", value_enum)]
    registration: Option<Registration>,
    /// Role of the accounts that readers create
    #[arg(
        long,
        help_heading = heading::ACCESS,
        env = "KILONOVA_REGISTRATION_ROLE",
        value_enum,
        default_value_t = Role::Commenter,
        value_name = "ROLE",
    )]
    registration_role: Role,
    /// Whether readers without an account may comment
    ///
    /// Applies to accounts access. In open access everyone may comment.
    #[arg(
        long,
        help_heading = heading::ACCESS,
        env = "KILONOVA_GUEST_COMMENTS",
        value_enum,
        default_value_t = GuestComments::Off,
        value_name = "RULE",
    )]
    guest_comments: GuestComments,
    /// Whether comments of commenters without an approved comment are held
    ///
    /// Applies to accounts access. In open access all comments are shown immediately.
    #[arg(
        long,
        help_heading = heading::ACCESS,
        env = "KILONOVA_NEWCOMER_COMMENTS",
        value_enum,
        default_value_t = NewcomerComments::Visible,
        value_name = "RULE",
    )]
    newcomer_comments: NewcomerComments,
    /// URL at which readers reach the site, as in `https://example.org/blog`
    ///
    /// Links in feeds and the sitemap use it. Implies accounts access.
    #[arg(long, help_heading = heading::ADDRESS, env = "KILONOVA_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// Another host name of the site
    ///
    /// May be repeated. Implies accounts access.
    #[arg(
        long = "host",
        help_heading = heading::ADDRESS,
        env = "KILONOVA_HOST",
        value_name = "NAME",
        value_delimiter = ',',
    )]
    hosts: Vec<String>,
    /// Address or network of a proxy whose forwarding headers are trusted
    ///
    /// Forwarded and X-Forwarded-* headers from anyone else are ignored. May be repeated. Implies
    /// accounts access. The default with --public-url or --host on a loopback bind is 127.0.0.0/8
    /// and ::1.
    #[arg(
        long = "trusted-proxy",
        help_heading = heading::ADDRESS,
        env = "KILONOVA_TRUSTED_PROXY",
        value_name = "CIDR",
        value_delimiter = ',',
    )]
    trusted_proxies: Vec<String>,
    /// Origin whose pages may read this site, as in `https://example.net`
    ///
    /// Its requests are anonymous: cookies and tokens are ignored. May be repeated.
    #[arg(
        long = "allow-origin",
        help_heading = heading::ADDRESS,
        env = "KILONOVA_ALLOW_ORIGIN",
        value_name = "ORIGIN",
        value_delimiter = ',',
    )]
    allowed_origins: Vec<String>,
    #[command(flatten)]
    site: SiteArgs,
    /// Name of this node in logs and process groups [default: hostname-pid]
    #[arg(long, help_heading = heading::PROCESS, env = "KILONOVA_NODE", value_name = "NAME")]
    node: Option<String>,
    /// Threads that serve connections [default: number of cores]
    #[arg(
        long,
        help_heading = heading::PROCESS,
        env = "KILONOVA_WORKERS",
        value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=512),
    )]
    workers: Option<u16>,
    #[command(flatten)]
    operations: OperationArgs,
    /// Open WebSockets and event streams
    ///
    /// Further ones get 503.
    #[arg(
        long,
        help_heading = heading::SOCKETS,
        env = "KILONOVA_MAX_SOCKETS",
        default_value_t = 20_000,
        value_name = "N",
    )]
    max_sockets: usize,
    /// Open WebSockets and event streams of one address or IPv6 /64
    ///
    /// Further ones get 429. Open access does not count loopback.
    #[arg(
        long,
        help_heading = heading::SOCKETS,
        env = "KILONOVA_MAX_SOCKETS_PER_ADDRESS",
        default_value_t = 200,
        value_name = "N",
    )]
    max_sockets_per_address: usize,
    /// New WebSockets and event streams per second
    ///
    /// Further ones get 503.
    #[arg(
        long,
        help_heading = heading::SOCKETS,
        env = "KILONOVA_MAX_HANDSHAKES",
        default_value_t = 10_000,
        value_name = "N",
    )]
    max_handshakes: u32,
    /// Channels of one socket
    #[arg(
        long,
        help_heading = heading::SOCKETS,
        env = "KILONOVA_MAX_CHANNELS_PER_SOCKET",
        default_value_t = 32,
        value_name = "N",
    )]
    max_channels_per_socket: usize,
    /// Channels of all sockets together
    #[arg(
        long,
        help_heading = heading::SOCKETS,
        env = "KILONOVA_MAX_CHANNELS",
        default_value_t = 100_000,
        value_name = "N",
    )]
    max_channels: usize,
    /// Open connections, including sockets [default: --max-sockets plus 5000]
    ///
    /// Further ones get 503. 0 means as many as the file descriptors allow.
    #[arg(
        long,
        help_heading = heading::SOCKETS,
        env = "KILONOVA_MAX_CONNECTIONS",
        value_name = "N",
    )]
    max_connections: Option<usize>,
    /// Open connections of one address or IPv6 /64
    ///
    /// Further ones get 429. Open access does not count loopback.
    #[arg(
        long,
        help_heading = heading::SOCKETS,
        env = "KILONOVA_MAX_CONNECTIONS_PER_ADDRESS",
        default_value_t = 500,
        value_name = "N",
    )]
    max_connections_per_address: usize,
    /// Events queued for a slow reader
    ///
    /// Beyond that its socket is closed with 1013.
    #[arg(
        long,
        help_heading = heading::SOCKETS,
        env = "KILONOVA_MAX_QUEUE",
        default_value_t = 1024,
        value_name = "N",
    )]
    max_queue: usize,
    /// Bytes of events queued for a slow reader
    ///
    /// Beyond that its socket is closed with 1013.
    #[arg(
        long,
        help_heading = heading::SOCKETS,
        env = "KILONOVA_MAX_QUEUE_BYTES",
        default_value_t = 4 * 1024 * 1024,
        value_name = "BYTES",
    )]
    max_queue_bytes: usize,
    /// Bytes that all replays together have read but not sent
    ///
    /// Further replays wait.
    #[arg(
        long,
        help_heading = heading::SOCKETS,
        env = "KILONOVA_MAX_REPLAY_BYTES",
        default_value_t = 32 * 1024 * 1024,
        value_name = "BYTES",
    )]
    max_replay_bytes: usize,
    /// Frames per second from the client of a WebSocket
    ///
    /// Beyond that its socket is closed with 1008.
    #[arg(
        long,
        help_heading = heading::SOCKETS,
        env = "KILONOVA_MAX_CLIENT_FRAMES",
        default_value_t = 500,
        value_name = "N",
    )]
    max_client_frames: u32,
    /// Wrong passwords per minute for one user name
    ///
    /// Further attempts get 429, from any address.
    #[arg(
        long,
        help_heading = heading::CLIENTS,
        env = "KILONOVA_MAX_GUESSES_PER_USER",
        default_value_t = 10,
        value_name = "N",
    )]
    max_guesses_per_user: u32,
    /// Wrong passwords per minute from one address or IPv6 /64
    ///
    /// Further attempts get 429. Open access does not count loopback.
    #[arg(
        long,
        help_heading = heading::CLIENTS,
        env = "KILONOVA_MAX_GUESSES_PER_ADDRESS",
        default_value_t = 30,
        value_name = "N",
    )]
    max_guesses_per_address: u32,
    #[command(flatten)]
    clients: ClientArgs,
    /// Password checks waiting in the queue
    ///
    /// Further ones get 503.
    #[arg(
        long,
        help_heading = heading::REQUESTS,
        env = "KILONOVA_MAX_PASSWORDS",
        default_value_t = 512,
        value_name = "N",
    )]
    max_passwords: usize,
    /// Bytes of one request body
    #[arg(
        long,
        help_heading = heading::REQUESTS,
        env = "KILONOVA_MAX_BODY",
        default_value_t = 8 * 1024 * 1024,
        value_name = "BYTES",
    )]
    max_body: usize,
    /// Bytes of one uploaded picture
    #[arg(
        long,
        help_heading = heading::REQUESTS,
        env = "KILONOVA_MAX_UPLOAD",
        default_value_t = 10 * 1024 * 1024,
        value_name = "BYTES",
    )]
    max_upload: usize,
    /// Bytes of the heads of unfinished requests, over all connections
    ///
    /// The first 16 KiB of each connection do not count. Further bytes wait.
    #[arg(
        long,
        help_heading = heading::REQUESTS,
        env = "KILONOVA_MAX_UNREAD",
        default_value_t = 64 * 1024 * 1024,
        value_name = "BYTES",
    )]
    max_unread: usize,
    /// Bytes of all request bodies that are being received
    ///
    /// Further ones get 503. Bodies of up to 16 KiB have a separate budget of half that size.
    #[arg(
        long,
        help_heading = heading::REQUESTS,
        env = "KILONOVA_MAX_BODIES",
        default_value_t = 64 * 1024 * 1024,
        value_name = "BYTES",
    )]
    max_bodies: usize,
    /// Bytes of all large responses not yet read by their clients
    ///
    /// Further ones get 503. Responses of up to 64 KiB do not count.
    #[arg(
        long,
        help_heading = heading::REQUESTS,
        env = "KILONOVA_MAX_RESPONSES",
        default_value_t = 64 * 1024 * 1024,
        value_name = "BYTES",
    )]
    max_responses: usize,
    /// Values in a JSON body, or fields in a form
    #[arg(
        long,
        help_heading = heading::REQUESTS,
        env = "KILONOVA_MAX_VALUES",
        default_value_t = 1_000,
        value_name = "N",
    )]
    max_values: usize,
    /// Searches at the same time
    ///
    /// Further ones wait for up to 5 seconds.
    #[arg(
        long,
        help_heading = heading::REQUESTS,
        env = "KILONOVA_MAX_SEARCHES",
        default_value_t = 8,
        value_name = "N",
    )]
    max_searches: usize,
    /// Pages rendered at the same time [default: number of cores]
    ///
    /// Further ones wait for up to 5 seconds.
    #[arg(
        long,
        help_heading = heading::REQUESTS,
        env = "KILONOVA_MAX_RENDERINGS",
        value_name = "N",
    )]
    max_renderings: Option<u16>,
    /// Days for which events are kept for clients that reconnect
    #[arg(
        long,
        help_heading = heading::RETENTION,
        env = "KILONOVA_MAX_LOG_AGE",
        default_value_t = 30,
        value_name = "DAYS",
        value_parser = clap::value_parser!(u16),
    )]
    max_log_age: u16,
    /// Days for which unsaved text is kept after its last change
    #[arg(
        long,
        help_heading = heading::RETENTION,
        env = "KILONOVA_MAX_COPY_AGE",
        default_value_t = 30,
        value_name = "DAYS",
        value_parser = clap::value_parser!(u16),
    )]
    max_copy_age: u16,
    /// Number of events that are kept
    #[arg(
        long,
        help_heading = heading::RETENTION,
        env = "KILONOVA_MAX_LOG_EVENTS",
        default_value_t = 1_000_000,
        value_name = "N",
    )]
    max_log_events: u32,
    /// Bytes of events that are kept
    #[arg(
        long,
        help_heading = heading::RETENTION,
        env = "KILONOVA_MAX_LOG_BYTES",
        default_value_t = 1024 * 1024 * 1024,
        value_name = "BYTES",
        value_parser = clap::value_parser!(u64).range(0..=i64::MAX as u64),
    )]
    max_log_bytes: u64,
    /// Days for which deleted posts and comments can be restored
    #[arg(
        long,
        help_heading = heading::RETENTION,
        env = "KILONOVA_BIN",
        default_value_t = 30,
        value_name = "DAYS",
        value_parser = clap::value_parser!(u16),
    )]
    bin: u16,
    /// Seconds a client has to send a request's head, and then its body
    #[arg(
        long,
        help_heading = heading::REQUESTS,
        env = "KILONOVA_REQUEST_TIMEOUT",
        default_value_t = 30,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(0..=3600),
    )]
    request_timeout: u64,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    erlang: ErlangArgs,
}

/// The validated location of the data.
#[derive(Clone, Debug)]
pub struct Storage {
    /// The folder of the search index and, unless another database is configured, of the SQLite
    /// file.
    pub data_dir: PathBuf,
    /// The database.
    pub database: Database,
}

impl Storage {
    /// The folder of the search index.
    pub fn index(&self) -> PathBuf {
        self.data_dir.join("index")
    }
}

/// The default number of connections allowed in addition to the sockets.
const BESIDE_SOCKETS: usize = 5_000;

/// With a larger lag, a client gets its events sooner from another node than from this node's
/// relay. Batches, the replay of a log and a restart of the database cause smaller lags.
const MAX_LAG: Duration = Duration::from_secs(10);

/// The name of the database's file in the data folder.
const SQLITE_FILE: &str = "kilonova.sqlite3";

/// The validated configuration of a server.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address to listen on.
    pub bind: SocketAddr,
    /// The location of the data.
    pub storage: Storage,
    /// This node's name.
    pub node: String,
    /// The access policy for reading and writing.
    pub access: Access,
    /// How readers reach the site.
    pub reach: Reach,
    /// The site's name and appearance.
    pub site: Arc<Site>,
    /// The policy for creating accounts.
    pub registration: Registration,
    /// The role of accounts that readers create for themselves.
    pub registration_role: Role,
    /// The rules for new comments under accounts access.
    pub comments: CommentRules,
    /// Threads that serve sockets.
    pub workers: usize,
    /// The address for metrics and health checks; `None` disables that listener.
    pub admin_bind: Option<SocketAddr>,
    /// How long the server keeps serving normally after a stop signal.
    pub drain: Duration,
    /// How long shutdown may take after the drain period.
    pub grace: Duration,
    /// The format of log lines.
    pub log_format: logging::Format,
    /// Maximum number of open sockets.
    pub max_sockets: usize,
    /// Maximum number of open sockets of one address.
    pub max_sockets_per_address: usize,
    /// Maximum number of new sockets per second; 0 means no limit.
    pub max_handshakes: u32,
    /// Maximum number of channels of one socket.
    pub max_channels_per_socket: usize,
    /// Maximum number of channels of all sockets.
    pub max_channels: usize,
    /// Maximum number of open connections, sockets included.
    pub max_connections: usize,
    /// Maximum number of open connections of one address.
    pub max_connections_per_address: usize,
    /// How much may be queued for one socket.
    pub queue: Bounds,
    /// Maximum number of bytes of events that all replays together have read but not sent.
    pub max_replay_bytes: usize,
    /// Frames that a client may send per second; 0 means no limit.
    pub max_client_frames: u32,
    /// The rate limits of one client.
    pub allowances: Allowances,
    /// The quotas of one account.
    pub quotas: Quotas,
    /// The limits on password guesses and on passwords waiting to be checked.
    pub accounts: accounts::Limits,
    /// Maximum size of a request's body in bytes.
    pub max_body: usize,
    /// Maximum size of an uploaded picture in bytes.
    pub max_upload: usize,
    /// Maximum number of bytes of request heads whose responses are incomplete, over all
    /// connections; the first 16 KiB of each connection do not count.
    pub max_unread: usize,
    /// Maximum total size in bytes of all bodies that are being received.
    pub max_bodies: usize,
    /// Maximum total size in bytes of all large responses that are not fully sent.
    pub max_responses: usize,
    /// Maximum number of values in a body.
    pub max_values: usize,
    /// Maximum number of concurrent searches.
    pub max_searches: usize,
    /// Maximum number of pages rendered concurrently.
    pub max_renderings: usize,
    /// How long a client may take to send a request's head, and then its body; `None` means no
    /// limit.
    pub request_timeout: Option<Duration>,
    /// How much of the event log is kept.
    pub retention: Retention,
    /// How long deleted items stay in the bin; `None` means forever.
    pub bin: Option<TimeDelta>,
    /// How long unsaved text is kept after its last change.
    pub max_copy_age: Option<TimeDelta>,
    /// The heartbeat of live sockets.
    pub heartbeat: Heartbeat,
    /// How far the relay may lag behind the log before this node reports that it is not ready.
    pub max_lag: Duration,
    /// How to reach the other nodes; `None` on a single node.
    pub cluster: Option<Cluster>,
    /// The Erlang nodes that channels are shared with.
    pub erlang: Option<crate::cluster::erlang::Options>,
}

/// The reason why the flags are invalid: one line that names the flag.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

impl Cli {
    /// Parses the arguments. An error is one line that names the flag.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
        let matches = help::shorter(Cli::command()).try_get_matches_from(arguments)?;
        let mut cli = Cli::from_arg_matches(&matches)?;
        if let Some(Command::Config(args)) = &mut cli.command {
            args.know(&matches);
        }
        Ok(cli)
    }

    /// The subcommand to run.
    pub fn into_command(self) -> Command {
        self.command.unwrap_or_else(|| Command::Serve(Box::new(self.serve)))
    }
}

impl StorageArgs {
    /// Checks the database URL.
    pub fn check(self) -> Result<Storage, Error> {
        let url = self.database_url.or_else(|| std::env::var("DATABASE_URL").ok());
        // Messages name the absolute path, which is clear in any working directory.
        let data_dir = std::path::absolute(&self.data_dir)
            .map_err(|error| Error(format!("--data-dir {}: {error}", self.data_dir.display())))?;
        let database = match url.as_deref() {
            None | Some("") => Database::Sqlite(data_dir.join(SQLITE_FILE)),
            Some(url) => database("--database-url", url)?,
        };
        Ok(Storage { data_dir, database })
    }
}

impl CopyArgs {
    /// Checks both URLs: the database to copy, and the one to copy to.
    pub fn check(self) -> Result<(Database, Database), Error> {
        let to = self.to.or_else(|| std::env::var("DATABASE_URL").ok());
        let to = to.ok_or_else(|| {
            Error("--to is missing; pass the URL of an empty database".to_owned())
        })?;
        Ok((database("--from", &self.from)?, database("--to", &to)?))
    }
}

/// Parses a database URL. An error names the flag and never repeats the URL, which may contain a
/// password.
fn database(flag: &str, url: &str) -> Result<Database, Error> {
    match url.split_once(':') {
        Some(("sqlite", path)) if path.starts_with(':') => {
            Err(Error(format!("{flag}: expected the path of a file after sqlite:")))
        }
        Some(("sqlite", path)) if !path.is_empty() => {
            Ok(Database::Sqlite(PathBuf::from(path.strip_prefix("//").unwrap_or(path))))
        }
        Some(("postgres" | "postgresql", _)) => Postgres::parse(url)
            .map(|server| Database::Postgres(Box::new(server)))
            .map_err(|error| Error(format!("{flag}: {error}"))),
        _ => Err(Error(format!("{flag}: expected sqlite:PATH or postgres://…"))),
    }
}

impl ServeArgs {
    /// Determines who may read and write, and how readers reach the site.
    fn reach(&self) -> Result<(Access, Reach), Error> {
        let is_loopback = self.bind.ip().is_loopback();
        let is_named = self.public_url.is_some() || !self.hosts.is_empty();
        let is_proxied = is_named || !self.trusted_proxies.is_empty();
        let access = self.access.unwrap_or(match is_loopback && !is_proxied {
            true => Access::Open,
            false => Access::Accounts,
        });
        if access == Access::Open && is_proxied {
            return Err(Error(
                "--access open is for a loopback address without a proxy; leave it out, or leave \
                 out --public-url, --host and --trusted-proxy"
                    .to_owned(),
            ));
        }
        if access == Access::Accounts && !is_loopback && !is_named {
            return Err(Error(
                "--public-url is missing; pass the address at which readers reach the site, or \
                 --host for each of its names"
                    .to_owned(),
            ));
        }
        let public = self.public_url.as_deref().map(|url| {
            PublicUrl::parse(url).ok_or_else(|| {
                Error(
                    "--public-url: expected http:// or https://, a host and perhaps a path of \
                     letters, digits, '-', '.', '_' and '~'"
                        .to_owned(),
                )
            })
        });
        let public = public.transpose()?;
        // A proxy may strip the path, which would make it ambiguous with a page of the site.
        let first =
            |public: &PublicUrl| public.path.split('/').nth(1).map(|name| format!("/{name}"));
        if let Some(own) = public.as_ref().and_then(first).filter(|own| is_reserved(own)) {
            return Err(Error(format!("--public-url: the site already has a page at {own}")));
        }
        let mut hosts: Vec<_> = public.iter().map(|public| public.host.clone()).collect();
        for name in &self.hosts {
            match host_of(name).filter(|host| *host == name && !host.is_empty()) {
                Some(host) => hosts.push(host.trim_end_matches('.').to_ascii_lowercase()),
                None => return Err(Error("--host: expected a name without a port".to_owned())),
            }
        }
        let mut trusted = Vec::new();
        for text in &self.trusted_proxies {
            let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            trusted.push(network.map_err(|_| {
                Error("--trusted-proxy: expected an address or a network".to_owned())
            })?);
        }
        if trusted.is_empty() && is_named && is_loopback {
            trusted.extend([
                IpNet::new_assert(Ipv4Addr::new(127, 0, 0, 0).into(), 8),
                IpNet::from(IpAddr::from(Ipv6Addr::LOCALHOST)),
            ]);
        }
        for origin in &self.allowed_origins {
            let url = PublicUrl::parse(origin);
            if url.is_none_or(|url| url.origin() != *origin) {
                return Err(Error(
                    "--allow-origin: expected http:// or https:// and a host, without a slash at \
                     the end"
                        .to_owned(),
                ));
            }
        }
        let allowed_origins = self.allowed_origins.clone();
        Ok((access, Reach { public, hosts, trusted, allowed_origins }))
    }

    /// Validates the flags, separately and in combination.
    pub fn check(self) -> Result<Config, Error> {
        let (access, reach) = self.reach()?;
        let registration = self.registration.unwrap_or(match access {
            Access::Open => Registration::Open,
            Access::Accounts => Registration::Closed,
        });
        if registration == Registration::Open && self.registration_role == Role::Admin {
            return Err(Error(
                "--registration-role admin would make everyone an admin; choose commenter or \
                 member, or close registration"
                    .to_owned(),
            ));
        }
        let comments = CommentRules {
            guests: self.guest_comments == GuestComments::Held,
            holds_newcomers: self.newcomer_comments == NewcomerComments::Held,
        };
        if access == Access::Open && comments != CommentRules::default() {
            return Err(Error(
                "--guest-comments and --newcomer-comments are for accounts access; in open access \
                 everyone may comment"
                    .to_owned(),
            ));
        }
        let retention = Retention {
            age: (self.max_log_age > 0).then(|| TimeDelta::days(self.max_log_age.into())),
            count: (self.max_log_events > 0).then_some(self.max_log_events.into()),
            bytes: i64::try_from(self.max_log_bytes).ok().filter(|&bytes| bytes > 0),
        };
        let node = self.node.map_or_else(|| Ok(default_node()), node_name)?;
        let max_sockets = unless_zero(self.max_sockets);
        let max_connections = self
            .max_connections
            .map_or_else(|| max_sockets.saturating_add(BESIDE_SOCKETS), unless_zero);
        let site = self.site.check(reach.path())?;
        let seconds = |seconds| (seconds > 0).then(|| Duration::from_secs(seconds));
        Ok(Config {
            bind: self.bind,
            storage: self.storage.check()?,
            access,
            reach,
            site: Arc::new(site),
            registration,
            registration_role: self.registration_role,
            comments,
            workers: self.workers.map_or_else(cores, usize::from),
            admin_bind: self.operations.admin_bind,
            drain: self.operations.drain(),
            grace: self.operations.grace(),
            log_format: self.operations.log_format,
            max_sockets,
            max_sockets_per_address: unless_zero(self.max_sockets_per_address),
            max_handshakes: self.max_handshakes,
            max_channels_per_socket: unless_zero(self.max_channels_per_socket),
            max_channels: unless_zero(self.max_channels),
            max_connections,
            max_connections_per_address: unless_zero(self.max_connections_per_address),
            queue: Bounds {
                messages: unless_zero(self.max_queue),
                bytes: unless_zero(self.max_queue_bytes),
            },
            max_replay_bytes: unless_zero(self.max_replay_bytes),
            max_client_frames: self.max_client_frames,
            allowances: self.clients.allowances(),
            quotas: self.clients.quotas(),
            accounts: accounts::Limits {
                guesses_per_user: self.max_guesses_per_user,
                guesses_per_address: self.max_guesses_per_address,
                passwords_waiting: unless_zero(self.max_passwords),
            },
            max_body: unless_zero(self.max_body),
            max_upload: unless_zero(self.max_upload),
            max_unread: unless_zero(self.max_unread),
            max_bodies: unless_zero(self.max_bodies),
            max_responses: unless_zero(self.max_responses),
            max_values: unless_zero(self.max_values),
            max_searches: unless_zero(self.max_searches),
            max_renderings: self
                .max_renderings
                .map_or_else(cores, |limit| unless_zero(limit.into())),
            request_timeout: seconds(self.request_timeout),
            retention,
            bin: (self.bin > 0).then(|| TimeDelta::days(self.bin.into())),
            max_copy_age: (self.max_copy_age > 0)
                .then(|| TimeDelta::days(self.max_copy_age.into())),
            heartbeat: Heartbeat::default(),
            max_lag: MAX_LAG,
            cluster: self.cluster.check()?,
            erlang: self.erlang.check(&node)?,
            node,
        })
    }
}

fn unless_zero(limit: usize) -> usize {
    if limit == 0 { usize::MAX } else { limit }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Limits the name, because it appears in log lines and other nodes keep it in memory.
fn node_name(name: String) -> Result<String, Error> {
    match name.len() {
        1..=128 if !name.chars().any(char::is_control) => Ok(name),
        _ => Err(Error("--node must have 1 to 128 bytes and no control characters".to_owned())),
    }
}

fn default_node() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    format!("{}-{}", if host.is_empty() { "node" } else { host }, std::process::id())
}
