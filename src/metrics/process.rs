//! Statistics of this process from the operating system. Most of them exist only on Linux.
//!
//! The crate `procfs` reads much more than these few lines need, and brings a second version of
//! `rustix`.

use std::fs;

use rustix::time::{ClockId, clock_gettime};

use super::page::Page;
use crate::descriptors;

/// Statistics of this process from the operating system; those that it does not provide are left
/// out.
pub struct Process {
    /// The processor time of all threads, in seconds.
    pub cpu: f64,
    /// The bytes of memory in use, mapped files included.
    pub resident: Option<u64>,
}

impl Process {
    /// The current statistics.
    pub(super) fn now() -> Process {
        let used = clock_gettime(ClockId::ProcessCPUTime);
        let status = fs::read_to_string("/proc/self/status").ok();
        Process {
            cpu: used.tv_sec as f64 + used.tv_nsec as f64 / 1e9,
            resident: status.as_deref().and_then(resident),
        }
    }

    /// Adds the metrics of the process, with the time of its start. Counts the open descriptors, of
    /// which there may be tens of thousands.
    pub(super) fn add_to(&self, page: &mut Page, started: f64) {
        let name = ("process_start_time_seconds", "When the process started, in Unix time.");
        page.gauge(name, started);
        page.seconds(("process_cpu_seconds_total", "Processor time of all threads."), self.cpu);
        if let Some(bytes) = self.resident {
            let name =
                ("process_resident_memory_bytes", "Memory that is in use, mapped files included.");
            page.gauge(name, bytes as f64);
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            // The descriptor that lists them is among them.
            let count = open.count().saturating_sub(1);
            page.gauge(("process_open_fds", "Open file descriptors."), count as f64);
        }
        if let Some(most) = descriptors::available() {
            page.gauge(("process_max_fds", "The limit of open file descriptors."), most as f64);
        }
    }
}

/// The resident memory in bytes, from the text of `/proc/self/status`.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_in_bytes() {
        let status = "Name:\tkilonova\nVmPeak:\t  999 kB\nVmRSS:\t  1024 kB\n";
        assert_eq!(resident(status), Some(1024 * 1024));
        assert_eq!(resident("Name:\tkilonova\n"), None);
        assert_eq!(resident("VmRSS:\tmuch"), None);
    }
}
