//! What the operating system says about a process: the time it ran and the memory it holds.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::time::Duration;

use super::Failure;

/// What a process has run up to now.
pub(crate) struct Cpu {
    /// Nanoseconds of each thread, from `/proc/PID/task/*/schedstat`; none without the file.
    threads: Option<BTreeMap<String, u64>>,
    /// User and system time of the process, ended threads included, in ticks of 10 ms.
    total: Duration,
}

/// Where a figure of [`Cpu`] comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    /// The threads' own clocks, to the nanosecond.
    Schedstat,
    /// `/proc/PID/stat`: the kernel keeps no statistics of threads, or a thread ended meanwhile.
    Stat,
}

impl Cpu {
    pub(crate) fn of(process: u32) -> Result<Cpu, Failure> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        // The name, in parentheses, may hold spaces; user and system time are fields 14 and 15.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
        let ticks = ticks.sum::<Result<u64, _>>()?;
        let total = Duration::from_secs(ticks) / rustix::param::clock_ticks_per_second() as u32;
        Ok(Cpu { threads: threads(process).ok(), total })
    }

    /// What it ran since then.
    pub(crate) fn since(&self, then: &Cpu) -> (Duration, Source) {
        if let (Some(now), Some(then)) = (&self.threads, &then.threads)
            && then.keys().all(|thread| now.contains_key(thread))
        {
            let ran = |(thread, now): (&String, &u64)| now - then.get(thread).unwrap_or(&0);
            (Duration::from_nanos(now.iter().map(ran).sum()), Source::Schedstat)
        } else {
            (self.total.saturating_sub(then.total), Source::Stat)
        }
    }
}

fn threads(process: u32) -> io::Result<BTreeMap<String, u64>> {
    let mut threads = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{process}/task"))? {
        let entry = entry?;
        let text = match fs::read_to_string(entry.path().join("schedstat")) {
            Ok(text) => text,
            // It ended between the two looks.
            Err(_) if !entry.path().exists() => continue,
            Err(error) => return Err(error),
        };
        let ran = text.split_whitespace().next().and_then(|ran| ran.parse().ok());
        let ran = ran.ok_or_else(|| io::Error::other("schedstat has no number"))?;
        threads.insert(entry.file_name().to_string_lossy().into_owned(), ran);
    }
    Ok(threads)
}

/// The memory of a process, and the kernel's for all TCP sockets of the machine; bytes.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// Resident, what it shares with others included.
    pub(crate) resident: i64,
    /// Nobody else's.
    pub(crate) private: i64,
    /// Buffers of TCP sockets, both ends.
    pub(crate) kernel: i64,
}

impl Memory {
    pub(crate) fn of(process: u32) -> Result<Memory, Failure> {
        let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
        let kilobytes = |name: &str| -> Result<i64, Failure> {
            let line = rollup.lines().find_map(|line| line.strip_prefix(name)).ok_or("smaps")?;
            Ok(line.trim_end_matches("kB").trim().parse::<i64>()? * 1024)
        };
        let sockstat = fs::read_to_string("/proc/net/sockstat")?;
        let tcp = sockstat.lines().find(|line| line.starts_with("TCP:")).unwrap_or_default();
        let pages = tcp.split_whitespace().last().unwrap_or_default().parse::<i64>()?;
        Ok(Memory {
            resident: kilobytes("Rss:")?,
            private: kilobytes("Private_Clean:")? + kilobytes("Private_Dirty:")?,
            kernel: pages * rustix::param::page_size() as i64,
        })
    }
}

/// Raises the limit of open files as far as it goes, for this process and those it starts.
pub(crate) fn raise_open_files(needed: usize) -> Result<(), Failure> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    match maximum {
        Some(limit) if limit < needed as u64 => {
            Err(format!("{needed} open files are needed, and the hard limit is {limit}").into())
        }
        _ => Ok(()),
    }
}
