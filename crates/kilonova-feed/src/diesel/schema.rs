//! Diesel's view of the log's tables, for queries and copies. Write to them only with the functions
//! of [the parent module](super), because positions must not have gaps. Minor versions may add
//! columns.
#![allow(missing_docs, reason = "the macro's items; the columns are those of an event")]

diesel::table! {
    kilonova_events (position) {
        position -> BigInt,
        channel -> Text,
        topic -> Text,
        payload -> Text,
        audience -> Text,
        kind -> Nullable<Text>,
        subject_id -> Nullable<Text>,
        parent_kind -> Nullable<Text>,
        parent_id -> Nullable<Text>,
        redacts -> Bool,
        inserted_at -> Timestamp,
    }
}

diesel::table! {
    kilonova_log (id) {
        id -> Text,
        position -> BigInt,
        bytes -> BigInt,
    }
}
