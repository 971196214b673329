//! The state of this node, for admins: one sample of its numbers per second, sent to all nodes
//! while an admin is watching on any of them.
//!
//! Watching admins are members of one channel, which each node monitors. Without them, nothing is
//! counted, built or sent. This module owns the schedule and the content of a sample; `events` owns
//! its format, and the numbers are those of the metrics.

use std::cmp::Reverse;
use std::time::{Duration, SystemTime};

use actix_web::web::Data;
use chrono::{DateTime, NaiveDateTime, Utc};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::VERSION;
use crate::events::sample::{CHANNELS, ChannelSize, IndexerLine, NAME, Sample, SlowReader};
use crate::events::{ADMIN, words};
use crate::metrics::Numbers;
use crate::pubsub::{self, Change, Channel, Count, Payload};
use crate::state::State;

/// The interval between two samples.
const PERIOD: Duration = Duration::from_secs(1);

/// Counting channels, of which there may be 100,000, may take at most 1/SHARE of the time.
const SHARE: u32 = 50;

/// The channels with the most members, recounted only as often as is cheap.
#[derive(Default)]
struct Largest {
    channels: Vec<ChannelSize>,
    due: Option<Instant>,
}

/// Sends a sample per second while an admin is watching, until the process groups stop.
pub async fn tell(state: Data<State>) {
    if let Err(error) = watch(&state).await {
        log::debug!("samples of this node have stopped: {error}");
    }
}

async fn watch(state: &Data<State>) -> Result<(), pubsub::Error> {
    let pubsub = state.feed.pubsub();
    let mut number = 0;
    loop {
        let mut monitor = pubsub.monitor(ADMIN).await?;
        let mut viewers = monitor.members().len();
        let mut largest = Largest::default();
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                change = monitor.next() => match change {
                    Some(Change::Joined(_)) => viewers += 1,
                    Some(Change::Left(_)) => viewers = viewers.saturating_sub(1),
                    Some(_) => {}
                    None => break,
                },
                _ = ticks.tick(), if viewers > 0 => {
                    number += 1;
                    let sample = take(state, &mut largest, number).await?;
                    let payload = Payload::encode(&sample).unwrap_or_else(|_| Payload::null());
                    pubsub.broadcast(ADMIN, words::SAMPLE, payload).await?;
                }
            }
        }
        // The monitor fell behind; start over.
        sleep(PERIOD).await;
    }
}

/// Returns the current numbers of this node, for its own page.
pub async fn now(state: &Data<State>) -> Result<Sample, pubsub::Error> {
    take(state, &mut Largest::default(), 0).await
}

async fn take(
    state: &Data<State>,
    largest: &mut Largest,
    number: u64,
) -> Result<Sample, pubsub::Error> {
    let begun = Instant::now();
    let counts = match largest.due.is_none_or(|due| due <= begun) {
        true => Some(state.feed.pubsub().count_members().await?),
        false => None,
    };
    let own = Data::clone(state);
    // Reading files and searching a long list would block this thread.
    let made = tokio::task::spawn_blocking(move || {
        (counts.map(most_members), sample(&own, &Numbers::of(&own), number))
    });
    let (counted, mut sample) = made.await.map_err(|_| pubsub::Error::Stopped)?;
    if let Some(channels) = counted {
        let spent = begun.elapsed();
        *largest = Largest { channels, due: Some(begun + spent * SHARE) };
    }
    sample.channels.clone_from(&largest.channels);
    Ok(sample)
}

/// Returns the channels with the most members, in the same order on each node.
fn most_members(mut counts: Vec<Count>) -> Vec<ChannelSize> {
    let order = |one: &Count, other: &Count| {
        let key = |count: &Count| (Reverse(count.members), count.channel.clone());
        key(one).cmp(&key(other))
    };
    if counts.len() > CHANNELS {
        counts.select_nth_unstable_by(CHANNELS, order);
        counts.truncate(CHANNELS);
    }
    counts.sort_by(order);
    let size = |count: Count| ChannelSize {
        channel: name(&count.channel),
        members: count.members,
        local_members: count.local_members,
    };
    counts.into_iter().map(size).collect()
}

fn name(channel: &Channel) -> String {
    channel.as_str().chars().take(NAME).collect()
}

fn at(time: SystemTime) -> NaiveDateTime {
    DateTime::<Utc>::from(time).naive_utc()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Builds a sample from the numbers, without the channels.
fn sample(state: &State, numbers: &Numbers, number: u64) -> Sample {
    let Numbers { feed, groups, database, .. } = numbers;
    let slow = |one: &kilonova_feed::SlowReader| SlowReader {
        at: at(one.at),
        transport: one.transport,
        channels: one.channels.iter().map(name).collect(),
        stalled_ms: millis(one.stalled),
    };
    let lines = state.search.lines().into_iter();
    Sample {
        node: state.config.node.clone(),
        version: VERSION,
        started_at: at(state.started.at),
        uptime_ms: millis(state.started.since.elapsed()),
        number,
        draining: numbers.is_draining,
        connections: numbers.connections.map_or(0, |it| it.open),
        websockets: feed.websockets.open,
        event_streams: feed.event_streams.open,
        events_written: database.events,
        deliveries: feed.live_frames + feed.replayed_frames,
        log_position: feed.position,
        relay_lag: numbers.relay_lag(),
        index_lag: numbers.index_lag,
        peer_lag: numbers.peer_lag,
        relay_waiting: feed.waiting_events,
        sockets_waiting_bytes: feed.waiting_bytes,
        registry_waiting: groups.waiting,
        writer_waiting: database.waiting,
        replays_waiting: feed.replays.waiting,
        reads: database.reads.taken + database.own_reads.taken,
        reads_waiting: database.reads.waiting + database.own_reads.waiting,
        reads_max: database.reads.max + database.own_reads.max,
        slow_consumers: numbers.slow_consumers(),
        memory_bytes: numbers.process.resident,
        cpu_seconds: numbers.process.cpu,
        peers: groups.peers,
        members: groups.local_members,
        channel_count: groups.channels,
        channels: Vec::new(),
        slow_readers: feed.slow_readers.iter().map(slow).collect(),
        indexer: lines.map(|line| IndexerLine { at: line.at, text: line.text }).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_channels_with_the_most_members_are_named_in_one_order() {
        let count = |number: usize| Count {
            channel: format!("{:03}{}", 99 - number, "x".repeat(200)).into(),
            members: number / 2,
            local_members: 1,
        };
        let mut counts: Vec<_> = (0..100).map(count).collect();
        let listed = most_members(counts.clone());
        counts.reverse();
        let again: Vec<_> = most_members(counts).into_iter().map(|one| one.channel).collect();
        let names: Vec<_> = listed.iter().map(|one| one.channel.clone()).collect();
        assert_eq!(names, again);
        assert_eq!(listed.len(), CHANNELS);
        assert_eq!((listed[0].members, listed[CHANNELS - 1].members), (49, 40));
        assert!(names[0].starts_with("000") && names[1].starts_with("001"), "{names:?}");
        assert!(names.iter().all(|name| name.chars().count() == NAME));
        assert!(most_members(Vec::new()).is_empty());
    }
}
