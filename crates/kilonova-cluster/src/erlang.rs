//! Erlang.
#![allow(dead_code)]
mod envelope;
mod json;
mod pg;
mod term;
