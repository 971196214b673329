//! The JSON API, by endpoint.

mod comments;
mod conditional;
mod description;
mod errors;
mod events;
mod notes;
mod old_addresses;
mod posts;
mod publication;
pub(crate) mod search;
mod uploads;
