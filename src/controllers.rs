//! The actions. Each reads as: changeset, transact, announce, view, respond.

pub mod account;

pub mod bin;
pub mod body;
pub mod channels;
pub mod comments;
mod cookies;
pub mod crawlers;
pub mod description;
pub mod events;
pub mod feeds;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
pub mod health;
pub mod idempotency;
pub mod live;
pub mod notes;
pub mod old_addresses;
pub mod pages;
pub mod posts;
pub mod request;
pub mod respond;
pub mod search;
pub mod sign_in;
pub mod sign_ins;
pub mod uploads;
pub mod users;
