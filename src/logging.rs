//! The log: env_logger, with what strangers can cause in libraries kept at debug level.

use env_logger::{Builder, Env, Logger};
use log::{Level, Log, Metadata, Record, SetLoggerError};

/// Libraries that log each malformed request as an error: a stranger could fill the disk with it.
const TALKATIVE: [&str; 3] = ["actix_http", "actix_web", "actix_server::worker"];

struct Demoting(Logger);

impl Log for Demoting {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let level = level(metadata.target(), metadata.level());
        self.0.enabled(&Metadata::builder().target(metadata.target()).level(level).build())
    }

    fn log(&self, record: &Record<'_>) {
        let level = level(record.target(), record.level());
        self.0.log(
            &Record::builder()
                .args(*record.args())
                .level(level)
                .target(record.target())
                .module_path(record.module_path())
                .file(record.file())
                .line(record.line())
                .build(),
        );
    }

    fn flush(&self) {
        self.0.flush();
    }
}

/// The level at which a library's line is shown.
fn level(target: &str, level: Level) -> Level {
    let is_talkative = TALKATIVE.iter().any(|library| {
        target.strip_prefix(library).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    });
    if is_talkative { level.max(Level::Debug) } else { level }
}

/// Logs by `RUST_LOG`, or by this filter without it.
pub fn start(default_filter: String) -> Result<(), SetLoggerError> {
    let env = Env::default().default_filter_or(default_filter);
    let logger = Builder::from_env(env).format_timestamp_micros().build();
    log::set_max_level(logger.filter());
    log::set_boxed_logger(Box::new(Demoting(logger)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_strangers_cause_in_libraries_are_shown_at_debug_level() {
        assert_eq!(level("actix_http::h1::dispatcher", Level::Error), Level::Debug);
        assert_eq!(level("actix_http::h1::dispatcher", Level::Trace), Level::Trace);
        assert_eq!(level("actix_httpd", Level::Error), Level::Error);
        assert_eq!(level("kilonova::app", Level::Warn), Level::Warn);
    }
}
