//! The process groups, tested through their handle. Nothing here sleeps: an answer of the registry
//! is a barrier behind everything sent before it, and a member that was told something afterwards
//! shows what did not arrive.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contexts;
mod death;
mod delivery;
mod envelopes;
mod groups;
mod lag;
mod limits;
mod linked;
mod membership;
mod model;
mod monitors;
mod routes;
mod shutdown;
mod stats;
mod subscription_model;
mod subscriptions;
