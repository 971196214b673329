//! `kilonova tail`: follows the feed of a server in the terminal, over server-sent events. This
//! module owns the connection: it reconnects and resumes, so that each event is printed once.
//!
//! `http` sends requests, `stream` parses messages, and `line` formats output. It uses only the
//! server's public interface, as any client does.

mod http;
mod line;
mod stream;

use std::io::{self, Write};
use std::time::Duration;

use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use url::{Host, Url};

use self::http::Client;
use self::stream::{Message, Messages};
use crate::logging;

/// The feed to follow and the output format.
#[derive(Clone, Debug)]
pub struct Order {
    /// The site's address: http or https, without a query.
    pub site: Url,
    /// Names of channels; if empty, the server chooses.
    pub channels: Vec<String>,
    /// The position after which to begin; `None` for new events only.
    pub after: Option<i64>,
    /// Whether to print raw frames, one per line.
    pub json: bool,
    /// A bearer token.
    pub token: Option<Token>,
}

/// A bearer token, which is never shown.
#[derive(Clone)]
pub struct Token(pub String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// The reason why the command failed.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// The first connection to the server failed.
    #[error("cannot follow {0}: {1}")]
    Unreachable(Url, String),
    /// The server refused the request.
    #[error("{0} refused: {1}")]
    Refused(Url, String),
    /// The output cannot be written.
    #[error("cannot print an event: {0}")]
    Output(#[source] io::Error),
    /// A system error.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// The reason why a connection ended.
#[derive(Debug)]
enum Lost {
    /// The connection failed or broke; the server may have said when to retry.
    Broken(String, Option<Duration>),
    /// The server refused the request, and a retry would not help.
    Refused(String),
    Output(io::Error),
}

/// The first and the maximum backoff. The wait is random, up to a bound that doubles from the first
/// to the maximum.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// The maximum wait that a server can request.
const LONGEST: Duration = Duration::from_secs(60);

/// The timeout for data from the server, which sends a ping every 25 seconds.
const SILENCE: Duration = Duration::from_secs(60);

/// Runs the command: prints events to `out` until SIGINT, SIGTERM or a closed output pipe.
pub fn command(order: &Order, out: &mut dyn Write) -> Result<(), TailError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            ended = follow(order, out) => ended,
            _ = terminate.recv() => Ok(()),
            _ = interrupt.recv() => Ok(()),
        }
    })
}

async fn follow(order: &Order, out: &mut dyn Write) -> Result<(), TailError> {
    let mut following = Following {
        client: Client::new(order),
        order,
        log: None,
        position: order.after,
        failures: 0,
        is_open: false,
        out,
    };
    if order.token.is_some() && !is_private(&order.site) {
        let site = &order.site;
        logging::say(&format!("kilonova: the token goes to {site} unencrypted; use https"));
    }
    let mut has_been_open = false;
    loop {
        let Err(lost) = following.once().await;
        has_been_open |= std::mem::take(&mut following.is_open);
        match lost {
            Lost::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Lost::Output(error) => return Err(TailError::Output(error)),
            Lost::Refused(reason) => {
                return Err(TailError::Refused(order.site.clone(), line::escaped(&reason)));
            }
            Lost::Broken(reason, _) if !has_been_open => {
                return Err(TailError::Unreachable(order.site.clone(), line::escaped(&reason)));
            }
            Lost::Broken(reason, wait) => {
                let wait = wait.map_or_else(
                    || backoff(following.failures, rand::random::<f64>()),
                    |wait| wait.min(LONGEST),
                );
                following.failures = following.failures.saturating_add(1);
                logging::say(&format!(
                    "kilonova: {}; reconnecting in {:.1} s",
                    line::escaped(&reason),
                    wait.as_secs_f64()
                ));
                tokio::time::sleep(wait).await;
            }
        }
    }
}

/// Returns whether the connection to a site is encrypted or stays on this machine.
fn is_private(site: &Url) -> bool {
    let is_here = match site.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    site.scheme() == "https" || is_here
}

/// Returns the wait after a number of consecutive failures.
fn backoff(failures: u32, random: f64) -> Duration {
    let (first, last) = RETRY;
    let most = first.saturating_mul(2_u32.saturating_pow(failures)).min(last);
    most.mul_f64(random.clamp(0.0, 1.0))
}

struct Following<'a> {
    client: Client,
    order: &'a Order,
    /// The id of the log to which the position belongs.
    log: Option<String>,
    position: Option<i64>,
    /// The number of consecutive connections that received nothing.
    failures: u32,
    /// Whether the server has accepted the connection.
    is_open: bool,
    out: &'a mut dyn Write,
}

impl Following<'_> {
    /// Connects and prints events until the connection ends.
    async fn once(&mut self) -> Result<std::convert::Infallible, Lost> {
        if self.log.is_none() {
            self.log = self.client.log_id().await?;
        }
        let mut body = self.client.open(self.position, self.log.as_deref()).await?;
        self.is_open = true;
        let mut messages = Messages::default();
        loop {
            let part = tokio::time::timeout(SILENCE, body.next()).await.map_err(|_| {
                let seconds = SILENCE.as_secs();
                Lost::Broken(format!("the server has been silent for {seconds} s"), None)
            })??;
            self.failures = 0;
            let found =
                messages.add(&part).map_err(|error| Lost::Broken(error.to_string(), None))?;
            for message in found {
                self.take(message)?;
            }
        }
    }

    fn take(&mut self, message: Message) -> Result<(), Lost> {
        let Message { id, data } = message;
        let id = id.and_then(|id| id.parse::<i64>().ok());
        let Some(data) = data else {
            self.position = id.or(self.position);
            return Ok(());
        };
        let frame: Value = serde_json::from_str(&data)
            .map_err(|error| Lost::Broken(format!("a frame is not JSON: {error}"), None))?;
        let id = frame["id"].as_i64().or(id);
        if frame["event"] == "resync" && frame.get("channel").is_none() {
            // Continue from this position, possibly in another log.
            self.position = id.or(self.position);
            self.log = None;
        } else if let Some(id) = id {
            if self.position.is_some_and(|seen| id <= seen) {
                return Ok(());
            }
            self.position = Some(id);
        }
        let printed = match self.order.json {
            true => writeln!(self.out, "{}", line::json(&data)),
            false => writeln!(self.out, "{}", line::of(&frame, chrono::Utc::now())),
        };
        printed.and_then(|()| self.out.flush()).map_err(Lost::Output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_private_over_https_and_on_this_machine() {
        let is_private = |url: &str| is_private(&Url::parse(url).unwrap());
        for url in ["https://example.org", "http://localhost:1", "http://127.1.2.3", "http://[::1]"]
        {
            assert!(is_private(url), "{url}");
        }
        for url in ["http://example.org", "http://192.0.2.1", "http://localhost.example.org"] {
            assert!(!is_private(url), "{url}");
        }
    }

    #[test]
    fn the_backoff_grows_to_at_most_half_a_minute() {
        assert_eq!(backoff(0, 1.0), Duration::from_millis(500));
        assert_eq!(backoff(2, 0.5), Duration::from_secs(1));
        assert_eq!(backoff(0, 0.0), Duration::ZERO);
        assert_eq!(backoff(u32::MAX, 1.0), Duration::from_secs(30));
    }
}
