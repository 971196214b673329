//! The operating system's numbers for a process: its CPU time and its memory.

use std::fs;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::time::clock_getcpuclockid;
use nix::unistd::{Pid, SysconfVar, sysconf};

use super::Failure;

/// The CPU time of a process so far, in user and kernel mode. Its CPU-time clock counts nanoseconds
/// and includes threads that have ended.
pub(crate) fn cpu(process: u32) -> Result<Duration, Failure> {
    let clock = clock_getcpuclockid(Pid::from_raw(process.try_into()?))?;
    Ok(clock.now()?.into())
}

/// The busy time of all cores together so far, in steps of 10 ms. It includes the time that the
/// hypervisor gave to other machines.
pub(crate) fn machine() -> Result<Duration, Failure> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().unwrap_or_default();
    // user, nice, system, idle, iowait, irq, softirq, steal
    let ticks = line.split_whitespace().skip(1).take(8).map(str::parse::<u64>);
    let ticks = ticks.collect::<Result<Vec<_>, _>>()?;
    let idle: u64 = ticks.iter().skip(3).take(2).sum();
    let busy = ticks.iter().sum::<u64>() - idle;
    let second = sysconf(SysconfVar::CLK_TCK)?.ok_or("no clock tick")?;
    Ok(Duration::from_secs_f64(busy as f64 / second as f64))
}

/// The memory of a process, and the kernel's memory for all TCP sockets of the machine, in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// The resident memory, including shared memory.
    pub(crate) resident: i64,
    /// The memory that no other process shares.
    pub(crate) private: i64,
    /// The buffers of TCP sockets, at both ends.
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
            kernel: pages * sysconf(SysconfVar::PAGE_SIZE)?.ok_or("no page size")?,
        })
    }
}

/// Raises the limit of open files to the hard limit, for this process and its children.
pub(crate) fn raise_open_files(needed: usize) -> Result<(), Failure> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    if hard < needed as u64 {
        return Err(format!("{needed} open files are needed, and the hard limit is {hard}").into());
    }
    Ok(())
}
