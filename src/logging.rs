//! The log. It uses env_logger, demotes library messages that strangers can cause to debug level,
//! and limits the rate of messages about failed requests. Logging never blocks on the log's reader;
//! see `output`.

mod format;
mod output;
mod request;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::borrow::Cow;
use std::fmt::Arguments;
use std::io::{self, IsTerminal};
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use env_logger::fmt::ConfigurableFormat;
use env_logger::{Builder, Env, Logger, Target, TimestampPrecision, WriteStyle};
use kilonova_feed::limits::Rate;
use log::{Level, Log, Metadata, Record};

pub use self::format::Format;
use self::output::Output;
pub use self::request::RequestId;

/// Libraries that log each malformed request as an error, which would let a stranger fill the disk.
const TALKATIVE: [&str; 3] = ["actix_http", "actix_web", "actix_server::worker"];

struct Demoting(Logger);

impl Log for Demoting {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let level = level(metadata.target(), metadata.level());
        self.0.enabled(&Metadata::builder().target(metadata.target()).level(level).build())
    }

    fn log(&self, record: &Record<'_>) {
        let mut line = record.to_builder();
        line.level(level(record.target(), record.level()));
        match RequestId::current() {
            Some(id) if Format::get() == Format::Text => {
                self.0.log(&line.args(format_args!("{} [request {id}]", record.args())).build());
            }
            _ => self.0.log(&line.build()),
        }
    }

    fn flush(&self) {
        self.0.flush();
    }
}

/// The target on which actix-server reports that it stopped accepting, even if it was told to.
const ACCEPTING: &str = "actix_server::accept";

static STOPPING: AtomicBool = AtomicBool::new(false);

/// Records that the application is stopping.
pub fn stopping() {
    STOPPING.store(true, Ordering::Relaxed);
}

/// The level at which a line is logged.
fn level(target: &str, level: Level) -> Level {
    if target == ACCEPTING && STOPPING.load(Ordering::Relaxed) {
        return level.max(Level::Debug);
    }
    let is_talkative = TALKATIVE.iter().any(|library| {
        target.strip_prefix(library).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    });
    if is_talkative { level.max(Level::Debug) } else { level }
}

static OUTPUT: OnceLock<Output> = OnceLock::new();

/// How long the exit waits for the log's reader.
const FLUSH: Duration = Duration::from_millis(500);

/// How long a panicking thread waits for it, because the process may be about to abort.
const FLUSH_OF_PANIC: Duration = Duration::from_millis(50);

/// Starts logging with the filter in `RUST_LOG`, or with `default_filter` if that is not set.
/// Panics are always logged.
pub fn start(default_filter: String) -> io::Result<()> {
    let lost = |lines| log::error!("{lines} log lines were dropped because nobody read them");
    let output = Output::start(io::stderr(), lost)?;
    let env = Env::default().default_filter_or(default_filter);
    let mut builder = Builder::from_env(env);
    builder.target(Target::Pipe(Box::new(output.clone())));
    if io::stderr().is_terminal() && is_style_left_open() {
        builder.write_style(WriteStyle::Always);
    }
    let mut text = ConfigurableFormat::default();
    text.timestamp(Some(TimestampPrecision::Micros));
    builder.format(move |line, record| match Format::get() {
        Format::Text => text.format(line, record),
        Format::Json => format::json(line, record),
    });
    let logger = builder.build();
    log::set_max_level(logger.filter());
    log::set_boxed_logger(Box::new(Demoting(logger))).map_err(io::Error::other)?;
    OUTPUT.get_or_init(|| output);
    std::panic::set_hook(Box::new(panicked));
    Ok(())
}

/// Returns whether the environment leaves the choice of colour to the program.
fn is_style_left_open() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("RUST_LOG_STYLE") && !is_set("NO_COLOR")
}

/// Logs a panic. The standard library's hook would block on the log's reader.
fn panicked(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("<unnamed>");
    let trace = Backtrace::capture();
    let trace = match trace.status() {
        BacktraceStatus::Captured => format!("\n{trace}"),
        _ => String::new(),
    };
    let reason = panic.payload_as_str().unwrap_or("a value that is not text");
    let place = panic.location().map(|at| format!(" at {at}")).unwrap_or_default();
    say(&format!("thread '{name}' panicked{place}: {reason}{trace}"));
    flush_within(FLUSH_OF_PANIC);
}

/// The number of log lines that were dropped because standard error was not read in time.
pub fn lost() -> u64 {
    OUTPUT.get().map_or(0, Output::lost)
}

/// Waits until the log is written, for at most half a second. Call it before the process exits.
pub fn flush() {
    flush_within(FLUSH);
}

fn flush_within(time: Duration) {
    if let Some(output) = OUTPUT.get() {
        output.flush(time);
    }
}

/// Writes a line to standard error regardless of the filter, as JSON if the log is JSON.
pub fn say(line: &str) {
    let line = match Format::get() {
        Format::Text => Cow::Borrowed(line),
        Format::Json => {
            let fields = format::object(Level::Error, env!("CARGO_PKG_NAME"), line);
            Cow::Owned(serde_json::Value::Object(fields).to_string())
        }
    };
    match OUTPUT.get() {
        Some(output) => output.add(format!("{line}\n").as_bytes()),
        // The log is not started, so a failure here cannot be reported.
        None => drop(io::Write::write_all(&mut io::stderr(), format!("{line}\n").as_bytes())),
    }
}

/// The maximum number of logged request failures per second, because during an outage every request
/// fails.
const FAILURES: u32 = 10;

/// Limits the rate of lines.
struct Bounded {
    rate: Rate,
    left_out: AtomicU64,
}

impl Bounded {
    fn new(per_second: u32) -> Bounded {
        Bounded { rate: Rate::new(per_second, Instant::now()), left_out: AtomicU64::new(0) }
    }

    /// Returns the number of lines suppressed since the last admitted one, or `None` to suppress
    /// this one.
    fn admit(&self, now: Instant) -> Option<u64> {
        if self.rate.admits(now) {
            return Some(self.left_out.swap(0, Ordering::Relaxed));
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        None
    }
}

/// Logs the failure of a request, unless there were too many within the last second. The next line
/// tells how many were suppressed.
pub fn failure(line: Arguments<'_>) {
    static LINES: LazyLock<Bounded> = LazyLock::new(|| Bounded::new(FAILURES));
    match LINES.admit(Instant::now()) {
        Some(0) => log::error!("{line}"),
        Some(left_out) => log::error!("{line} ({left_out} earlier failures were not logged)"),
        None => log::debug!("{line}"),
    }
}

/// A warning about a probable configuration mistake. It is logged at the first request that shows
/// the mistake and then at most once an hour, because strangers can send such requests too.
pub struct Hint(Mutex<Option<Instant>>);

/// The minimum interval between two lines of a hint.
const HOUR: Duration = Duration::from_secs(60 * 60);

impl Hint {
    /// Creates a hint that has not been logged.
    pub const fn ungiven() -> Hint {
        Hint(Mutex::new(None))
    }

    /// Logs the hint, unless it was logged within the last hour.
    pub fn give(&self, line: Arguments<'_>) {
        if self.is_due(Instant::now()) {
            log::warn!("{line}");
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| now.saturating_duration_since(last) >= HOUR);
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_failures_are_rate_limited_and_all_counted() {
        let (lines, start) = (Bounded::new(3), Instant::now());
        let shown: Vec<_> = (0..10).map(|_| lines.admit(start)).collect();
        assert_eq!(shown, [[Some(0); 3].as_slice(), &[None; 7]].concat());
        assert_eq!(lines.admit(start + Duration::from_secs(1)), Some(7));
        assert_eq!(lines.admit(start + Duration::from_secs(1)), Some(0));
    }

    #[test]
    fn a_hint_is_given_once_an_hour() {
        let (hint, start) = (Hint::ungiven(), Instant::now());
        assert!(hint.is_due(start) && !hint.is_due(start + HOUR / 2));
        assert!(hint.is_due(start + HOUR) && !hint.is_due(start + HOUR));
    }

    #[test]
    fn library_errors_that_strangers_cause_are_logged_at_debug_level() {
        assert_eq!(level("actix_http::h1::dispatcher", Level::Error), Level::Debug);
        assert_eq!(level("actix_http::h1::dispatcher", Level::Trace), Level::Trace);
        assert_eq!(level("actix_httpd", Level::Error), Level::Error);
        assert_eq!(level("kilonova::app", Level::Warn), Level::Warn);
    }
}
