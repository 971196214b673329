//! The guarantees of docs/guarantees.md, each shown under the failure that it is about. Nothing
//! here waits for a time to pass: a condition is polled until it holds or the test has failed.

pub(crate) mod client;
mod cluster;
mod crowd;
mod disk;
mod drops;
mod failpoints;
pub(crate) mod follower;
mod hang_ups;
pub(crate) mod kills;
mod ledger;
pub(crate) mod postgres;
mod redaction;
mod resume;
mod rows;
mod soak;
pub(crate) mod upgrade;
mod upgrade_accounts;
mod withheld;
mod writer;
