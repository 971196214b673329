//! Diesel's view of the log's tables; `migrations/` defines them.

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
