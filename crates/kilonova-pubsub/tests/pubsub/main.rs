//! The process groups, tested through their handle. Nothing here sleeps: a reply from the registry
//! is a barrier after everything sent before it, and a later message that reaches a member proves
//! that nothing else arrived.
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
