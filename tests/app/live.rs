//! The live endpoints: the events of each, their shape and order, and how sockets end.

mod asked;
mod erlang;
mod feed;
mod notifications;
mod post_comments;
mod protocol;
mod shutdown;
mod slow;
mod streams;
