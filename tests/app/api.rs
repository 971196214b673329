//! The JSON API, call by call.

mod comments;
mod errors;
mod notes;
mod posts;
