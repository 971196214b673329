//! What a session is told, and how long its answers are waited for. The server itself ends what takes
//! too long before that; the waiting is bounded for one that has stopped.

use std::time::Duration;

use crate::connection::Access;

/// What every session is told. A node that stops in the middle of a transaction, frozen or cut off,
/// holds up the others for as long as the first of these says, and no longer.
///
/// All share one advisory lock for as long as they last: who gets it alone knows that there is no other.
///
/// A database that is set to acknowledge commits before they are on disk is told otherwise; one that
/// waits for more than its own disk is left alone.
pub(super) const SETTINGS: &str = "\
    SET client_min_messages = warning;\
    SET idle_in_transaction_session_timeout = '5s';\
    SET lock_timeout = '10s';\
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;\
    SET tcp_user_timeout = '20s';\
    SELECT pg_advisory_lock_shared(1802661750, 3);\
    SELECT set_config('synchronous_commit', 'on', false) \
        WHERE current_setting('synchronous_commit') = 'off'";

/// Whether no other session is there, and none can come until the end of the transaction.
pub(crate) const ALONE: &str = "pg_try_advisory_xact_lock(1802661750, 3)";

/// What one with this access is told beside that.
pub(super) fn settings(access: Access) -> &'static str {
    match access {
        Access::Read => "SET default_transaction_read_only = on; SET statement_timeout = '10s'",
        // It may change many rows.
        Access::Write => "SET statement_timeout = '20s'",
    }
}

/// How long an answer is waited for.
pub(super) fn patience(access: Access) -> Duration {
    match access {
        Access::Read => Duration::from_secs(15),
        Access::Write => Duration::from_secs(23),
    }
}

/// How long the first answer of a transaction is waited for: it waits for locks, and does little else.
pub(super) const BEGINNING: Duration = Duration::from_secs(15);
