//! Points at which a test makes the process die, to prove that what follows them may be lost.
//!
//! Only debug builds have them: in a release build a point costs nothing.
//! `KILONOVA_FAILPOINT=NAME:N` aborts the process the N-th time that the point NAME is reached;
//! `NAME:N:stop` freezes it there, as SIGSTOP does, until something sends SIGCONT.

/// A transaction's work is done, its events have their positions, COMMIT comes next.
pub(crate) const BEFORE_COMMIT: &str = "before-commit";
/// COMMIT has returned; nobody has been told yet, neither the relay nor the client.
pub(crate) const AFTER_COMMIT: &str = "after-commit";
/// The search index has committed and does not show it yet.
pub(crate) const INDEX_COMMITTED: &str = "index-committed";

/// Does nothing.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub(crate) fn reach(_: &str) {}

/// Ends the process as a kill would, or freezes it, when this point's time has come.
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
        // It is another thread that takes the signal: this one waits until it has.
        let stopped = format!("grep -q '^State:.T' /proc/{own}/status");
        let freeze = format!("kill -STOP {own}; until {stopped}; do :; done");
        drop(std::process::Command::new("sh").args(["-c", &freeze]).status());
    }
}
