//! The `kilonova` command.

use std::io::Write;
use std::process::ExitCode;

use kilonova::app::{self, App};
use kilonova::config::{Cli, Command, ImportArgs, ServeArgs};
use kilonova::import;

/// What is logged unless `RUST_LOG` says otherwise. The index's own library is talkative.
const LOG: &str = "info,tantivy=warn";

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(LOG)).init();
    let command = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli.into_command(),
        Err(error) => return usage(&error),
    };
    let done = match command {
        Command::Serve(args) => serve(args),
        Command::Import(args) => import(args),
        Command::Reindex(_) => Ok(()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error.to_string()),
    }
}

fn serve(args: ServeArgs) -> Result<(), Failure> {
    let config = args.check()?;
    actix_web::rt::System::new().block_on(async {
        let app = App::build(config).await?;
        app.run_until_stopped().await?;
        // What is still under way after the grace, on whatever thread, is not waited for.
        std::process::exit(0)
    })
}

fn import(args: ImportArgs) -> Result<(), Failure> {
    let storage = args.storage.check()?;
    if !args.dry_run && args.source.is_dir() {
        std::fs::create_dir_all(&storage.data_dir)
            .map_err(|error| app::Error::Folder(storage.data_dir.display().to_string(), error))?;
    }
    let out = &mut std::io::stdout().lock();
    import::command(&args.source, &storage.database(), args.dry_run, out)?;
    Ok(())
}

/// Help as it is; an error as its first line.
fn usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or("bad arguments");
        complain(line.strip_prefix("error: ").unwrap_or(line))
    } else {
        // Nobody reads it: nothing to say about that.
        drop(error.print());
        ExitCode::SUCCESS
    }
}

/// One line on standard error.
fn complain(message: &str) -> ExitCode {
    let line = message.replace('\n', " ");
    drop(writeln!(std::io::stderr(), "kilonova: {line}"));
    ExitCode::FAILURE
}
