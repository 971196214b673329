//! Points at which a test kills the process, to prove that nothing is lost or duplicated.
//!
//! Only debug builds have failpoints; in a release build they cost nothing.

/// A transaction's work is done and its events have their positions; COMMIT is next.
pub(crate) const BEFORE_COMMIT: &str = "before-commit";
/// COMMIT has returned; neither the relay nor the client has been notified yet.
pub(crate) const AFTER_COMMIT: &str = "after-commit";
/// The search index has committed and does not show it yet.
pub(crate) const INDEX_COMMITTED: &str = "index-committed";

/// Does nothing.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub(crate) fn reach(_: &str) {}

/// Aborts or freezes the process when the configured failpoint is reached for the N-th time.
#[cfg(debug_assertions)]
pub(crate) fn reach(name: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static SET: LazyLock<Option<(String, u64, bool)>> = LazyLock::new(|| {
        let value = std::env::var("KILONOVA_FAILPOINT").ok()?;
        let (name, times) = value.split_once(':')?;
        let (times, stop) = times.split_once(':').map_or((times, false), |(n, _)| (n, true));
        Some((name.to_owned(), times.parse().ok()?, stop))
    });
    static REACHED: AtomicU64 = AtomicU64::new(0);

    let Some((wanted, times, stop)) = &*SET else { return };
    if wanted == name && REACHED.fetch_add(1, Ordering::Relaxed) + 1 == *times {
        if !stop {
            std::process::abort();
        }
        let own = std::process::id();
        // Another thread may receive the signal, so wait until the process is stopped.
        let stopped = format!("grep -q '^State:.T' /proc/{own}/status");
        let freeze = format!("kill -STOP {own}; until {stopped}; do :; done");
        drop(std::process::Command::new("sh").args(["-c", &freeze]).status());
    }
}
