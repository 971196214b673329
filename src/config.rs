//! The command line and the environment, read once, here and nowhere else.

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

/// The command line as clap sees it.
#[derive(Debug, Parser)]
#[command(
    name = "kilonova",
    version,
    about = "A live blog and notes, searchable, in one binary",
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    /// The subcommand; `serve` when there is none.
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

/// The subcommands.
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
    /// Imports a site, or an export of another program; a server may be running
    ///
    /// A site of Zola, Hugo or Jekyll, any folder of Markdown, or an export of kilonova, Ghost or
    /// WordPress.
    Import(ImportArgs),
    /// Exports the site as Markdown that import reads back; a server may be running
    Export(ExportArgs),
    /// Copies a site to an empty database, with events and positions; stop its servers first
    Copy(CopyArgs),
    /// Rebuilds the search index; refused while a server holds it
    Reindex(StorageArgs),
    /// Follows the feed of a server in the terminal
    Tail(TailArgs),
    /// Prints the server's settings, and where each comes from
    Config(ConfigArgs),
    /// Prints a script that completes this program's commands in a shell
    Completions(CompletionsArgs),
    /// Writes manual pages, for packages
    #[command(hide = true)]
    Man(ManArgs),
}

/// Where the data is.
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
    /// sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME. The environment variable DATABASE_URL
    /// has the same effect. Every user of the machine can read a command line: put a password
    /// into the environment.
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
    /// A site of Hugo, Jekyll or Zola, part of one, any folder of Markdown, or what `kilonova
    /// export` wrote; or an export file of Ghost (JSON) or WordPress (XML), or a zip file of one.
    #[arg(value_name = "PATH")]
    pub source: PathBuf,
    /// Reports what an import would do and writes nothing to the database
    #[arg(long, env = "KILONOVA_DRY_RUN")]
    pub dry_run: bool,
    /// Exits with 1 if something was left out or not understood
    ///
    /// The rest is imported all the same. To look first, add --dry-run.
    #[arg(long, env = "KILONOVA_STRICT")]
    pub strict: bool,
    /// New file for all findings; the summary lists 20 of each kind
    #[arg(long, env = "KILONOVA_REPORT", value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Folder with the files that an export's posts show and link to
    ///
    /// wp-content/uploads of WordPress, content of Ghost.
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
    /// The export has drafts in it. Only its owner can read it.
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

/// Who may read and write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Access {
    /// Everyone who can reach the address may read and write.
    Open,
    /// Everyone may read; writing needs an account.
    Accounts,
}

/// Who may create an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Registration {
    /// Readers create their own accounts.
    Open,
    /// Only `kilonova user add` creates accounts.
    Closed,
}

/// The comments of readers without an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GuestComments {
    /// There are none.
    Off,
    /// They show once they are approved.
    Held,
}

/// The first comments of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NewcomerComments {
    /// They show at once.
    Visible,
    /// They show once one is approved.
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
    /// Keeps an account from signing in, and ends its sign-ins and tokens
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
    /// The site that gets the account.
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
    /// Who may read and write [default: open on a loopback bind, else accounts]
    #[arg(long, help_heading = heading::ACCESS, env = "KILONOVA_ACCESS", value_enum)]
    access: Option<Access>,
    /// Who may create an account [default: open in open access, else closed]
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
    /// Comments of readers without an account
    ///
    /// This is for accounts access. In open access everyone may comment.
    #[arg(
        long,
        help_heading = heading::ACCESS,
        env = "KILONOVA_GUEST_COMMENTS",
        value_enum,
        default_value_t = GuestComments::Off,
        value_name = "RULE",
    )]
    guest_comments: GuestComments,
    /// Comments of commenters who have no approved comment yet
    ///
    /// This is for accounts access. In open access all comments show at once.
    #[arg(
        long,
        help_heading = heading::ACCESS,
        env = "KILONOVA_NEWCOMER_COMMENTS",
        value_enum,
        default_value_t = NewcomerComments::Visible,
        value_name = "RULE",
    )]
    newcomer_comments: NewcomerComments,
    /// Where readers reach the site, as in `https://example.org/blog`
    ///
    /// Feeds and the sitemap lead there. Implies accounts access.
    #[arg(long, help_heading = heading::ADDRESS, env = "KILONOVA_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// Another name that the site is reached by
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
    /// Address or network of a proxy whose forwarding headers count
    ///
    /// Forwarded and X-Forwarded-* are ignored from everyone else. May be repeated. Implies
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
    /// Another site whose pages may read this one, as in `https://example.net`
    ///
    /// Its pages read as strangers: cookies and tokens are ignored. May be repeated.
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
    /// Open connections, with sockets [default: 5000 more than --max-sockets]
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
    /// Bytes that all replays together have read and not sent
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
    /// Further attempts get 429, from whatever address.
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
    /// Passwords that wait to be checked
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
    /// Bytes of one body
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
    /// Bytes of unfinished requests' heads, of all connections together
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
    /// Bytes of all bodies that are being received
    ///
    /// Further ones get 503. Bodies of up to 16 KiB have half as much beside it.
    #[arg(
        long,
        help_heading = heading::REQUESTS,
        env = "KILONOVA_MAX_BODIES",
        default_value_t = 64 * 1024 * 1024,
        value_name = "BYTES",
    )]
    max_bodies: usize,
    /// Bytes of all large responses that their clients have not read
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
    /// Seconds in which a client must send a request's head, then its body
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

/// Where the data is, checked.
#[derive(Clone, Debug)]
pub struct Storage {
    /// The folder of the search index and, when there is no other database, of the SQLite file.
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

/// Connections beside the sockets, by default.
const BESIDE_SOCKETS: usize = 5_000;

/// Clients that go to another node get their events sooner than from a relay that lags as much.
/// Batches, the replay of a log and a restart of the database take less.
const MAX_LAG: Duration = Duration::from_secs(10);

/// The name of the database's file in the data folder.
const SQLITE_FILE: &str = "kilonova.sqlite3";

/// The configuration of a server, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address to listen on.
    pub bind: SocketAddr,
    /// Where the data is.
    pub storage: Storage,
    /// This node's name.
    pub node: String,
    /// Who may read and write.
    pub access: Access,
    /// How readers reach the site.
    pub reach: Reach,
    /// How the site is called, and how it looks.
    pub site: Arc<Site>,
    /// Who may create an account.
    pub registration: Registration,
    /// The role of accounts that readers create for themselves.
    pub registration_role: Role,
    /// The rules about new comments, where accounts decide.
    pub comments: CommentRules,
    /// Threads that serve sockets.
    pub workers: usize,
    /// The address for metrics and health; `None` for none.
    pub admin_bind: Option<SocketAddr>,
    /// The time after a stop signal for which everything is served as before.
    pub drain: Duration,
    /// The time from then to the end.
    pub grace: Duration,
    /// The form of the log's lines.
    pub log_format: logging::Format,
    /// Maximum number of open sockets.
    pub max_sockets: usize,
    /// Maximum number of open sockets of one address.
    pub max_sockets_per_address: usize,
    /// Maximum number of new sockets per second; 0 for any number.
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
    /// Bytes of events that all replays together have read and not sent.
    pub max_replay_bytes: usize,
    /// Frames that a client may send per second; 0 for any number.
    pub max_client_frames: u32,
    /// How much one client may do at a time.
    pub allowances: Allowances,
    /// How much one account may have.
    pub quotas: Quotas,
    /// How often passwords may be guessed, and how many may wait to be checked.
    pub accounts: accounts::Limits,
    /// Maximum size of a request's body in bytes.
    pub max_body: usize,
    /// Maximum size of an uploaded picture in bytes.
    pub max_upload: usize,
    /// Bytes of requests' heads that all connections together may have sent before their responses are
    /// complete, above 16 KiB of each.
    pub max_unread: usize,
    /// Maximum size of all bodies that are being received in bytes.
    pub max_bodies: usize,
    /// Maximum size of all large responses that have not gone out.
    pub max_responses: usize,
    /// Maximum number of values in a body.
    pub max_values: usize,
    /// Searches at the same time.
    pub max_searches: usize,
    /// Pages laid out at the same time.
    pub max_renderings: usize,
    /// The time that a client may take for a request's head, and for its body.
    pub request_timeout: Option<Duration>,
    /// What is kept of the log.
    pub retention: Retention,
    /// How long the bin keeps something.
    pub bin: Option<TimeDelta>,
    /// How long unsaved text is kept after its last change.
    pub max_copy_age: Option<TimeDelta>,
    /// The rhythm of the live sockets.
    pub heartbeat: Heartbeat,
    /// How far the relay may be behind the log before this node is not ready.
    pub max_lag: Duration,
    /// How to reach the other nodes; `None` for a node without others.
    pub cluster: Option<Cluster>,
    /// The Erlang nodes that channels are shared with.
    pub erlang: Option<crate::cluster::erlang::Options>,
}

/// Why the flags cannot be accepted; one line that names the flag.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

impl Cli {
    /// Reads the arguments. An error is one line that names the flag.
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
        // What is said about it is clear wherever it is read.
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

/// The database that a URL names. An error names the flag and never repeats the URL, which may hold
/// a password.
fn database(flag: &str, url: &str) -> Result<Database, Error> {
    match url.split_once(':') {
        Some(("sqlite", path)) if path.starts_with(':') => {
            Err(Error(format!("{flag}: expected the path of a file behind sqlite:")))
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
    /// Who may do what, and how readers reach the site.
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
        // A proxy may take the path away: then nobody could tell it from one of the site's own.
        let first =
            |public: &PublicUrl| public.path.split('/').nth(1).map(|name| format!("/{name}"));
        if let Some(own) = public.as_ref().and_then(first).filter(|own| is_reserved(own)) {
            return Err(Error(format!("--public-url: the site has a page of its own at {own}")));
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

    /// Checks the flags, each and together.
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

/// Bounds a name that appears in log lines and that other nodes keep in memory.
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
