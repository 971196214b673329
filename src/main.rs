//! The `kilonova` command.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::error::ErrorKind;
use indicatif::{ProgressBar, ProgressStyle};
use kilonova::app::App;
use kilonova::config::{
    BackupArgs, Cli, Cluster, Command, ConfigArgs, CopyArgs, ExportArgs, ImportArgs, RestoreArgs,
    ServeArgs, StorageArgs, TailArgs, UserArgs, UserCommand, UserRoleArgs,
};
use kilonova::db::Db;
use kilonova::models::user::Change;
use kilonova::{accounts, backup, copy, descriptors, export, import, locks, logging, search, tail};
use mimalloc::MiMalloc;
use rustix::fs::Mode;
use rustix::process::umask;
use tokio::signal::unix::{SignalKind, signal};

/// Mimalloc returns memory to the system after a burst. It is faster than glibc's allocator when a
/// thread frees memory that another allocated, as socket threads do with events. SQLite uses it
/// too.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The default log filter; some libraries log too much.
const LOG: &str = "info,tantivy=warn,actix_server=warn";

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let code = run();
    logging::flush();
    code
}

fn run() -> ExitCode {
    let filter = format!("{LOG},{}", Cluster::LOG_FILTER);
    // Make new files accessible only to this user, because the database has passwords and drafts.
    umask(Mode::RWXG | Mode::RWXO);
    if let Err(error) = logging::start(filter) {
        return complain(&error.to_string());
    }
    let command = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli.into_command(),
        Err(error) => return usage(&error),
    };
    let done = match command {
        Command::Serve(args) => serve(*args),
        Command::Import(args) => import(args),
        Command::Export(args) => export(args),
        Command::User(command) => user(command),
        Command::Reindex(args) => reindex(args),
        Command::Copy(args) => copy(args),
        Command::Backup(args) => backup(args),
        Command::Restore(args) => restore(args),
        Command::Tail(args) => follow(args),
        Command::Config(args) => settings(args),
        Command::Completions(args) => print(&args.script()),
        Command::Man(args) => {
            // Manual pages are readable by everyone.
            umask(Mode::WGRP | Mode::WOTH);
            args.write().map_err(Into::into)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error.to_string()),
    }
}

fn serve(args: ServeArgs) -> Result<(), Failure> {
    let config = args.check()?;
    config.log_format.set();
    descriptors::raise();
    actix_web::rt::System::new().block_on(async {
        let _handled = survive_file_size_limit()?;
        let app = App::build(config).await?;
        app.run_until_stopped().await?;
        // Threads that are still busy after the grace period must not delay the exit.
        logging::flush();
        std::process::exit(0)
    })
}

/// Writing past the file size limit (`ulimit -f`) kills a process unless it handles the signal. If
/// it does, the write fails as on a full disk: writes are refused and reads continue.
fn survive_file_size_limit() -> std::io::Result<tokio::signal::unix::Signal> {
    /// The same number on Linux, macOS and the BSDs; tokio has no name for it.
    const SIGXFSZ: i32 = 25;
    signal(SignalKind::from_raw(SIGXFSZ))
}

fn import(args: ImportArgs) -> Result<(), Failure> {
    let storage = args.storage.check()?;
    if !args.dry_run && args.source.exists() {
        locks::make_folder(&storage.data_dir)?;
    }
    let out = &mut std::io::stdout().lock();
    let stop = stop_on_signal()?;
    let order = import::Order {
        path: &args.source,
        media: args.media.as_deref(),
        dry_run: args.dry_run,
        report: args.report.as_deref(),
    };
    let summary = import::command(order, &storage.database, &stop, out)?;
    match args.strict && summary.lost_something() {
        true => Err("something was left out or not understood; see the summary".into()),
        false => Ok(()),
    }
}

fn export(args: ExportArgs) -> Result<(), Failure> {
    let database = args.storage.check()?.database;
    let stop = stop_on_signal()?;
    export::command(&database, &args.target, &stop, &mut std::io::stdout().lock())?;
    Ok(())
}

/// Returns a flag that becomes true on the first SIGTERM or SIGINT. The second ends the process.
fn stop_on_signal() -> std::io::Result<Arc<AtomicBool>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let signals = async {
        drop(survive_file_size_limit()?);
        let terminate = signal(SignalKind::terminate())?;
        Ok::<_, std::io::Error>((terminate, signal(SignalKind::interrupt())?))
    };
    let (mut terminate, mut interrupt) = runtime.block_on(signals)?;
    let stop = Arc::<AtomicBool>::default();
    let told = Arc::clone(&stop);
    std::thread::spawn(move || {
        runtime.block_on(async {
            for _ in 0..2 {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if told.swap(true, Ordering::Relaxed) {
                    logging::flush();
                    std::process::exit(1);
                }
            }
        });
    });
    Ok(stop)
}

fn user(command: UserCommand) -> Result<(), Failure> {
    let out = &mut std::io::stdout().lock();
    let database = |storage: StorageArgs| storage.check().map(|storage| storage.database);
    match command {
        UserCommand::Add(args) => {
            let role = args.role();
            let storage = args.storage.check()?;
            locks::make_folder(&storage.data_dir)?;
            accounts::command::add(&storage.database, &args.name, role, out)?;
        }
        UserCommand::List(storage) => accounts::command::list(&database(storage)?, out)?,
        UserCommand::Password(UserArgs { name, storage }) => {
            accounts::command::password(&database(storage)?, &name, out)?;
        }
        UserCommand::Role(UserRoleArgs { name, role, storage }) => {
            let change = Change { role: Some(role), disabled: None };
            accounts::command::change(&database(storage)?, &name, change, out)?;
        }
        UserCommand::Disable(UserArgs { name, storage }) => {
            let change = Change { role: None, disabled: Some(true) };
            accounts::command::change(&database(storage)?, &name, change, out)?;
        }
        UserCommand::Enable(UserArgs { name, storage }) => {
            let change = Change { role: None, disabled: Some(false) };
            accounts::command::change(&database(storage)?, &name, change, out)?;
        }
    }
    Ok(())
}

fn reindex(args: StorageArgs) -> Result<(), Failure> {
    let storage = args.check()?;
    if storage.database.is_missing() {
        return Err(format!("there is no database at {}", storage.database).into());
    }
    let db = Db::open(&storage.database, Box::new(|_| {}))?;
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("indexing {wide_bar} {pos}/{len} {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let rebuilt = actix_web::rt::System::new().block_on(async {
        let rebuilt = search::reindex(&storage.index(), &db, |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        })
        .await;
        db.close().await;
        rebuilt
    });
    bar.finish_and_clear();
    let search::Summary { posts, notes, comments, elapsed } = rebuilt?;
    let seconds = elapsed.as_secs_f32();
    let counts = format!("{posts} posts, {notes} notes and {comments} comments");
    writeln!(std::io::stdout(), "indexed {counts} in {seconds:.1} s")?;
    Ok(())
}

fn copy(args: CopyArgs) -> Result<(), Failure> {
    let (from, to) = args.check()?;
    copy::command(&from, &to, &mut std::io::stdout().lock())?;
    Ok(())
}

fn backup(args: BackupArgs) -> Result<(), Failure> {
    let database = args.storage.check()?.database;
    let stop = stop_on_signal()?;
    backup::command(&database, &args.file, &stop, &mut std::io::stdout().lock())?;
    Ok(())
}

fn restore(args: RestoreArgs) -> Result<(), Failure> {
    let storage = args.storage.check()?;
    let stop = stop_on_signal()?;
    let out = &mut std::io::stdout().lock();
    backup::restore::command(&args.file, &storage.database, &storage.data_dir, &stop, out)?;
    Ok(())
}

fn follow(args: TailArgs) -> Result<(), Failure> {
    let order = args.check()?;
    tail::command(&order, &mut std::io::stdout().lock())?;
    Ok(())
}

fn settings(args: ConfigArgs) -> Result<(), Failure> {
    let settings = args.settings()?;
    let lines: String = settings.iter().map(|setting| format!("{setting}\n")).collect();
    print(lines.as_bytes())
}

/// Prints to standard output. A closed pipe is not an error.
fn print(bytes: &[u8]) -> Result<(), Failure> {
    match std::io::stdout().write_all(bytes) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Prints help in full, and an error as one line.
fn usage(error: &clap::Error) -> ExitCode {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        complain("a subcommand is missing; --help lists them")
    } else if error.use_stderr() {
        let text = error.to_string();
        let lines = text.lines().take_while(|line| !line.is_empty()).map(str::trim);
        let line = lines.collect::<Vec<_>>().join(" ");
        complain(line.strip_prefix("error: ").unwrap_or(&line))
    } else {
        // If standard output is closed, the error cannot be reported.
        drop(error.print());
        ExitCode::SUCCESS
    }
}

/// Prints one line on standard error.
fn complain(message: &str) -> ExitCode {
    let line = message.replace('\n', " ");
    logging::say(&format!("kilonova: {line}"));
    ExitCode::FAILURE
}
