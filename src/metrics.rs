//! The metrics of this node, collected from the counters of its parts on request. This module owns
//! their names, labels and meanings, which docs/metrics.md lists. Each part owns its counters, and
//! `numbers` reads them.
//!
//! No label has a value that a client can choose; routes are the router's patterns.

mod numbers;
mod page;
mod process;

use std::time::UNIX_EPOCH;

use kilonova_feed::Distribution;

pub use self::numbers::Numbers;
use self::page::Page;
use crate::error::{AppError, AppResult};
use crate::state::State;
use crate::traffic::CLASSES;
use crate::turns::Usage;
use crate::{VERSION, logging};

/// The content type of the page.
pub const FORMAT: &str = prometheus::TEXT_FORMAT;

/// Returns the current metrics page. It blocks on other threads only for the time of a few
/// additions.
pub fn page(state: &State) -> AppResult<Vec<u8>> {
    let mut page = Page::default();
    Sources { state, numbers: &Numbers::of(state) }.add_to(&mut page);
    page.text().map_err(AppError::internal)
}

/// The sources of the metrics.
struct Sources<'a> {
    state: &'a State,
    numbers: &'a Numbers,
}

impl Sources<'_> {
    fn add_to(&self, page: &mut Page) {
        self.add_build(page);
        self.add_connections(page);
        self.add_feed(page);
        self.add_groups(page);
        self.add_database(page);
        self.add_work(page);
        self.add_requests(page);
    }

    fn add_build(&self, page: &mut Page) {
        let node = self.state.config.node.as_str();
        let labels = vec![("version", VERSION), ("node", node)];
        page.gauges(("kilonova_build_info", "1, with the version and the node."), [(labels, 1.0)]);
        let since = self.state.started.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.numbers.process.add_to(page, since.as_secs_f64());
        let name = ("kilonova_draining", "1 from the signal to stop until the process ends.");
        page.gauge(name, flag(self.numbers.is_draining));
        let name = ("kilonova_log_lines_lost_total", "Log lines dropped because nobody read them.");
        page.counter(name, logging::lost());
    }

    fn add_connections(&self, page: &mut Page) {
        let Some(it) = self.numbers.connections else { return };
        let name = ("kilonova_connections_open", "Open connections, sockets included.");
        page.gauge(name, it.open as f64);
        let name = ("kilonova_connections_accepted_total", "Connections that were accepted.");
        page.counter(name, it.accepted);
        let name = ("kilonova_connections_refused_total", "Connections over a limit.");
        let by_reason = [("node", it.refused_by_node), ("address", it.refused_by_address)];
        page.counters(name, by_reason.map(|(limit, count)| (vec![("limit", limit)], count)));
    }

    fn add_feed(&self, page: &mut Page) {
        let it = &self.numbers.feed;
        let kinds = [("websocket", it.websockets), ("event_stream", it.event_streams)];
        page.gauges(
            ("kilonova_sockets_open", "Open WebSockets and event streams."),
            kinds.map(|(kind, opened)| (vec![("transport", kind)], opened.open as f64)),
        );
        page.counters(
            ("kilonova_handshakes_total", "WebSockets and event streams that were opened."),
            kinds.map(|(kind, opened)| (vec![("transport", kind)], opened.total)),
        );
        page.counters(
            ("kilonova_handshakes_refused_total", "Refused WebSockets and event streams."),
            it.refused.iter().map(|(reason, count)| (vec![("reason", *reason)], *count)),
        );
        let codes: Vec<_> = it.closed.iter().map(|one| code(one.code)).collect();
        page.counters(
            ("kilonova_sockets_closed_total", "Ended sockets by reason and close code."),
            it.closed.iter().zip(&codes).map(|(one, code)| {
                (vec![("reason", one.reason), ("code", code.as_str())], one.count)
            }),
        );
        page.counter(
            ("kilonova_slow_consumers_total", "Sockets whose clients read too slowly."),
            self.numbers.slow_consumers(),
        );
        let frames = [("live", it.live_frames), ("replay", it.replayed_frames)];
        page.counters(
            ("kilonova_deliveries_total", "Frames of events that were queued for sockets."),
            frames.map(|(kind, count)| (vec![("kind", kind)], count)),
        );
        page.histogram(
            (
                "kilonova_broadcast_seconds",
                "Time from the commit of an event on this node until its subscribers have it.",
            ),
            it.broadcasts.clone(),
        );
        let name = ("kilonova_log_position", "The last position of the log that is known.");
        page.gauge(name, it.position as f64);
        let name = ("kilonova_log_readable", "0 once the log could not be read for a second.");
        page.gauge(name, flag(it.reachable));
        let name = ("kilonova_relay_lag_events", "Events of the log that were not sent yet.");
        page.gauge(name, self.numbers.relay_lag() as f64);
        let name = ("kilonova_relay_lag_seconds", "The age of the oldest such event.");
        page.gauge(name, it.lag.as_secs_f64());
        let name = ("kilonova_index_lag_events", "Events that the search index does not have.");
        page.gauge(name, self.numbers.index_lag as f64);
        let name = ("kilonova_peer_lag_events", "Events that the slowest other node has not sent.");
        page.gauge(name, self.numbers.peer_lag as f64);
        let name = ("kilonova_relay_waiting_events", "Events that wait in the relay.");
        page.gauge(name, it.waiting_events as f64);
        let name = ("kilonova_threads_waiting_bytes", "Events that wait for threads of sockets.");
        page.gauge(name, it.waiting_bytes as f64);
        let name = ("kilonova_replays_running", "Sockets with a replay in progress.");
        page.gauge(name, it.replays.running as f64);
        let name = ("kilonova_replays_waiting", "Replays that wait for their turn or for memory.");
        page.gauge(name, it.replays.waiting as f64);
        page.counter(("kilonova_replays_total", "Replays that were started."), it.replays.begun);
        let name = ("kilonova_resyncs_total", "Sockets that had to reload everything.");
        page.counter(name, it.replays.resyncs);
    }

    fn add_groups(&self, page: &mut Page) {
        let it = &self.numbers.groups;
        let name = ("kilonova_cluster_peers", "Other nodes that can be reached.");
        page.gauge(name, it.peers as f64);
        let members = [("local", it.local_members), ("remote", it.remote_members)];
        page.gauges(
            ("kilonova_cluster_members", "Members of process groups, each counted once."),
            members.map(|(node, count)| (vec![("node", node)], count as f64)),
        );
        let name = ("kilonova_channels", "Channels with a member on this node.");
        page.gauge(name, it.channels as f64);
        let name = ("kilonova_registry_waiting", "Requests that wait for the process groups.");
        page.gauge(name, it.waiting as f64);
        let name = ("kilonova_messages_missed_total", "Messages for members with full mailboxes.");
        page.counter(name, it.missed);
    }

    fn add_database(&self, page: &mut Page) {
        let it = &self.numbers.database;
        let pools = [("requests", it.reads), ("node", it.own_reads)];
        page.gauges(
            ("kilonova_database_reads", "Reads that have a connection."),
            pools.map(|(pool, usage)| (vec![("pool", pool)], usage.taken as f64)),
        );
        page.gauges(
            ("kilonova_database_reads_waiting", "Reads that wait for a connection."),
            pools.map(|(pool, usage)| (vec![("pool", pool)], usage.waiting as f64)),
        );
        page.gauges(
            ("kilonova_database_reads_max", "Maximum concurrent reads."),
            pools.map(|(pool, usage)| (vec![("pool", pool)], usage.max as f64)),
        );
        let name = ("kilonova_writer_waiting", "Transactions that wait for the writer.");
        page.gauge(name, it.waiting as f64);
        let name = ("kilonova_writer_batch_size", "Transactions that share a commit.");
        page.histogram(name, it.batches.clone());
        let name = ("kilonova_writer_commit_seconds", "Time from BEGIN to the end of COMMIT.");
        page.histogram(name, it.times.clone());
        let name = ("kilonova_writer_failed_total", "Transactions whose commit failed.");
        page.counter(name, it.failed);
        let name = ("kilonova_writer_failing", "1 while the last commit has failed.");
        page.gauge(name, flag(it.is_failing));
        page.counter(("kilonova_events_written_total", "Events written to the log."), it.events);
    }

    fn add_work(&self, page: &mut Page) {
        let (renderings, rendered) = self.state.renderings.stats();
        let (searches, searched) = self.state.search.stats();
        let work = [("rendering", renderings), ("search", searches)];
        let of = |number: fn(&Usage) -> usize| {
            work.map(|(kind, usage)| (vec![("kind", kind)], number(&usage) as f64))
        };
        let name = ("kilonova_work_running", "Pages being rendered, and searches.");
        page.gauges(name, of(|usage| usage.taken));
        page.gauges(("kilonova_work_waiting", "Work that waits."), of(|usage| usage.waiting));
        page.gauges(("kilonova_work_max", "Maximum at once."), of(|usage| usage.max));
        let name = ("kilonova_passwords_waiting", "Passwords that wait to be checked.");
        page.gauge(name, self.state.accounts.passwords.waiting() as f64);
        let times: [(_, Distribution); 2] = [("rendering", rendered), ("search", searched)];
        page.histograms(
            ("kilonova_work_seconds", "Duration of each, without the wait."),
            times.map(|(kind, times)| (vec![("kind", kind)], times)),
        );
    }

    fn add_requests(&self, page: &mut Page) {
        let routes = self.state.traffic.requests();
        let counts = routes.iter().flat_map(|(route, requests)| {
            let counts = CLASSES.into_iter().zip(requests.statuses);
            let counts = counts.filter(|(_, count)| *count > 0);
            counts.map(move |(class, count)| (vec![("route", *route), ("status", class)], count))
        });
        page.counters(("kilonova_http_requests_total", "Requests by route and status."), counts);
        page.histograms(
            ("kilonova_http_request_seconds", "The time until a response begins."),
            routes.iter().map(|(route, it)| (vec![("route", *route)], it.times.clone())),
        );
    }
}

fn flag(is_set: bool) -> f64 {
    if is_set { 1.0 } else { 0.0 }
}

fn code(code: Option<u16>) -> String {
    code.map_or_else(|| "none".to_owned(), |code| code.to_string())
}
