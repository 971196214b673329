//! The figures of a run, and the statistics over several runs.

use serde::Serialize;

use crate::load::Times;
use crate::peers::Peer;

/// A run and its figures.
#[derive(Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) peer: Peer,
    pub(crate) sockets: usize,
    pub(crate) round: usize,
    #[serde(flatten)]
    pub(crate) figures: Figures,
}

#[derive(Clone, Serialize)]
pub(crate) struct Figures {
    pub(crate) frame_bytes: usize,
    pub(crate) idle: Idle,
    pub(crate) closed: Traffic,
    /// The resident memory of the whole process in bytes, when it is idle after the load.
    pub(crate) resident: i64,
    pub(crate) paced: Option<Paced>,
}

/// The cost of open sockets, in bytes per socket.
#[derive(Clone, Serialize)]
pub(crate) struct Idle {
    pub(crate) resident: f64,
    pub(crate) private: f64,
    pub(crate) kernel: f64,
    pub(crate) handshakes_per_second: f64,
    /// The share of the time that the generator ran. Near 1, the generator may be the limit.
    pub(crate) generator_busy: f64,
}

/// The figures of a phase with posts.
#[derive(Clone, Serialize)]
pub(crate) struct Traffic {
    pub(crate) posts: usize,
    pub(crate) expected: usize,
    pub(crate) received: usize,
    pub(crate) deliveries_per_second: f64,
    /// The server's CPU time in microseconds.
    pub(crate) cpu_per_delivery: f64,
    pub(crate) generator_busy: f64,
    /// The cores that other programs used at the same time. The run is invalid if this is much more
    /// than 0.
    pub(crate) others_busy: f64,
    /// The times from a post to its response, and to its frame on every socket.
    pub(crate) to_answer: Spread,
    pub(crate) to_frame: Spread,
}

/// The figures of posts at a fixed rate.
#[derive(Clone, Serialize)]
pub(crate) struct Paced {
    #[serde(flatten)]
    pub(crate) traffic: Traffic,
    /// The times from the commit to the frame on every socket.
    pub(crate) commit_to_frame: Spread,
}

/// Percentiles in milliseconds.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Spread {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

impl Spread {
    pub(crate) fn of(mut micros: Times) -> Spread {
        let mut at = |share: usize| {
            let last = micros.len().saturating_sub(1);
            let index = (micros.len() * share / 100).min(last);
            if micros.is_empty() {
                0.0
            } else {
                f64::from(*micros.select_nth_unstable(index).1) / 1e3
            }
        };
        Spread { p50: at(50), p99: at(99) }
    }
}

/// The median, minimum and maximum of several figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Median {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Median {
    /// Returns `None` if there are no figures.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Median> {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let (&least, &most) = (figures.first()?, figures.last()?);
        let half = figures.len() / 2;
        let median = if figures.len() % 2 == 1 {
            figures[half]
        } else {
            (figures[half - 1] + figures[half]) / 2.0
        };
        Some(Median { median, least, most })
    }
}

/// A figure of a run, if the run has it.
pub(crate) type Metric = fn(&Figures) -> Option<f64>;

/// The results of all runs.
pub(crate) struct Results(pub(crate) Vec<Row>);

impl Results {
    fn of(&self, peer: Peer, sockets: usize) -> impl Iterator<Item = &Row> {
        self.0.iter().filter(move |row| row.peer == peer && row.sockets == sockets)
    }

    pub(crate) fn median(&self, peer: Peer, sockets: usize, metric: Metric) -> Option<Median> {
        Median::of(self.of(peer, sockets).filter_map(|row| metric(&row.figures)))
    }

    /// Kilonova's figure divided by another server's in the same round, seconds apart.
    pub(crate) fn ratio(&self, other: Peer, sockets: usize, metric: Metric) -> Option<Median> {
        self.paired(other, sockets, metric, |own, other| own / other)
    }

    /// Kilonova's figure minus another server's in the same round.
    pub(crate) fn difference(&self, other: Peer, sockets: usize, metric: Metric) -> Option<Median> {
        self.paired(other, sockets, metric, |own, other| own - other)
    }

    fn paired(
        &self,
        other: Peer,
        sockets: usize,
        metric: Metric,
        compare: fn(f64, f64) -> f64,
    ) -> Option<Median> {
        let pair = |row: &Row| {
            let other = self.of(other, sockets).find(|other| other.round == row.round)?;
            Some(compare(metric(&row.figures)?, metric(&other.figures)?))
        };
        Median::of(self.of(Peer::Kilonova, sockets).filter_map(pair))
    }
}
