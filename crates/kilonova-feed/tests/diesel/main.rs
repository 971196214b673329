//! The ready-made log for Diesel, on SQLite and on PostgreSQL: the same promises on both, through
//! Diesel's own connections. The PostgreSQL tests start their own server, and are skipped if
//! PostgreSQL is not installed.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod appending;
mod following;
mod pruning;
mod redacting;
mod support;

/// Runs every test of the suite on this database.
macro_rules! suite {
    ($database:ident, $($module:ident::$test:ident,)*) => {
        mod $database {
            $(
                #[actix::test]
                async fn $test() {
                    if let Some(home) = crate::support::$database() {
                        crate::$module::$test(home).await;
                    }
                }
            )*
        }
    };
}

macro_rules! suites {
    ($($tests:tt)*) => {
        suite!(sqlite, $($tests)*);
        suite!(postgres, $($tests)*);
    };
}

suites! {
    appending::an_event_is_committed_with_its_row_or_not_at_all,
    appending::nothing_is_appended_outside_of_a_transaction,
    appending::positions_of_many_writers_have_no_gap_and_no_duplicate,
    appending::migrating_again_changes_nothing,
    appending::tables_of_a_newer_version_are_not_migrated,
    appending::every_part_of_an_event_is_read_back,
    appending::a_commit_whose_answer_was_lost_is_found,
    following::a_subscriber_sees_every_commit_once_in_order_without_hints,
    following::the_rule_applies_live_and_in_replay,
    following::pages_are_bounded_in_number_and_in_bytes,
    following::a_page_takes_time_for_its_own_events_only,
    pruning::the_oldest_events_go_by_each_limit,
    pruning::a_reader_of_pruned_events_gets_a_resync,
    redacting::a_deletion_redacts_the_row_and_its_parts,
    redacting::an_event_of_the_same_transaction_is_redacted_too,
    redacting::an_id_may_be_any_text,
}
