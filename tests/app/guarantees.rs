//! The guarantees of docs/guarantees.md, each tested under the failure that it covers. No test
//! waits for a fixed time: conditions are polled until they hold or the test times out.

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
