//! The settings of PostgreSQL's process for one connection, the backend, and the timeouts for its
//! answers. The server itself cancels a statement that takes too long; the client's timeout is for
//! a server that has stopped.

use std::time::Duration;

use crate::connection::Access;

/// The settings of every backend. A node that freezes or is cut off in the middle of a transaction
/// blocks the others until `idle_in_transaction_session_timeout`, and no longer.
///
/// Every backend holds a shared advisory lock until it ends. A transaction that gets the lock
/// exclusively knows that there is no other backend.
///
/// `synchronous_commit` is raised to `on` if the database is set to acknowledge commits before they
/// are on disk. A database that also waits for replicas keeps its setting.
pub(super) const SETTINGS: &str = "\
    SET client_min_messages = warning;\
    SET idle_in_transaction_session_timeout = '5s';\
    SET lock_timeout = '10s';\
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;\
    SET tcp_user_timeout = '20s';\
    SELECT pg_advisory_lock_shared(1802661750, 3);\
    SELECT set_config('synchronous_commit', 'on', false) \
        WHERE current_setting('synchronous_commit') = 'off'";

/// Whether there is no other backend of this application. If so, none can start until the
/// transaction ends.
pub(crate) const ALONE: &str = "pg_try_advisory_xact_lock(1802661750, 3)";

/// The additional settings of a backend with this access.
pub(super) fn settings(access: Access) -> &'static str {
    match access {
        Access::Read => "SET default_transaction_read_only = on; SET statement_timeout = '10s'",
        // One statement may change many rows.
        Access::Write => "SET statement_timeout = '20s'",
    }
}

/// The timeout for answers on a connection with this access.
pub(super) fn patience(access: Access) -> Duration {
    match access {
        Access::Read => Duration::from_secs(15),
        Access::Write => Duration::from_secs(23),
    }
}

/// The timeout for the first answer of a transaction. The statements before it take locks and do
/// little else.
pub(super) const BEGINNING: Duration = Duration::from_secs(15);
