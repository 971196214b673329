//! The tables as Diesel sees them. `migrations/` is the source of truth; both databases have the
//! same tables and columns.

#![expect(missing_docs, reason = "the macro's modules; the models document the columns")]

diesel::table! {
    posts (id) {
        id -> BigInt,
        title -> Text,
        body -> Text,
        status -> Text,
        author -> Nullable<Text>,
        user_id -> Nullable<BigInt>,
        source -> Nullable<Text>,
        inserted_at -> Timestamp,
        updated_at -> Timestamp,
        comments_locked -> Bool,
        slug -> Nullable<Text>,
        published_at -> Nullable<Timestamp>,
        publish_at -> Nullable<Timestamp>,
        edited_by -> Nullable<BigInt>,
        listed_at -> Timestamp,
    }
}

diesel::table! {
    post_tags (post_id, ordinal) {
        post_id -> BigInt,
        ordinal -> Integer,
        tag -> Text,
        listed_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    comments (id) {
        id -> BigInt,
        post_id -> BigInt,
        body -> Text,
        author -> Nullable<Text>,
        user_id -> Nullable<BigInt>,
        inserted_at -> Timestamp,
        state -> Text,
    }
}

diesel::table! {
    notes (id) {
        id -> BigInt,
        title -> Text,
        body -> Text,
        author -> Text,
        user_id -> Nullable<BigInt>,
        inserted_at -> Timestamp,
        updated_at -> Timestamp,
        edited_by -> Nullable<BigInt>,
    }
}

diesel::joinable!(post_tags -> posts (post_id));
diesel::joinable!(comments -> posts (post_id));
diesel::allow_tables_to_appear_in_same_query!(posts, post_tags, comments);

diesel::table! {
    stored_responses (account, path, idempotency_key) {
        account -> BigInt,
        path -> Text,
        idempotency_key -> Text,
        fingerprint -> Text,
        location -> Nullable<Text>,
        body -> Text,
        position -> BigInt,
        inserted_at -> Timestamp,
        subject -> Nullable<Text>,
        parent -> Nullable<Text>,
    }
}

diesel::table! {
    users (id) {
        id -> BigInt,
        username -> Text,
        folded_username -> Text,
        email -> Nullable<Text>,
        password_hash -> Text,
        role -> Text,
        inserted_at -> Timestamp,
        disabled_at -> Nullable<Timestamp>,
        skeleton -> Nullable<Text>,
        shows_presence -> Bool,
    }
}

diesel::table! {
    sign_ins (id) {
        id -> BigInt,
        token_digest -> Text,
        user_id -> BigInt,
        name -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        inserted_at -> Timestamp,
        last_seen_at -> Nullable<Timestamp>,
        expires_at -> Nullable<Timestamp>,
    }
}

diesel::joinable!(sign_ins -> users (user_id));
diesel::allow_tables_to_appear_in_same_query!(sign_ins, users);

diesel::table! {
    ended_sign_ins (number) {
        number -> BigInt,
        sign_in_id -> BigInt,
        ended_at -> Timestamp,
    }
}

diesel::table! {
    site_keys (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    uploads (digest) {
        digest -> Text,
        media_type -> Text,
        name -> Nullable<Text>,
        width -> Nullable<Integer>,
        height -> Nullable<Integer>,
        length -> BigInt,
        user_id -> Nullable<BigInt>,
        inserted_at -> Timestamp,
        unused_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    upload_slices (digest, ordinal) {
        digest -> Text,
        ordinal -> Integer,
        bytes -> Binary,
    }
}

diesel::table! {
    // Without a primary key; Diesel asks for one.
    upload_uses (digest, post_id, comment_id, note_id) {
        digest -> Text,
        post_id -> Nullable<BigInt>,
        comment_id -> Nullable<BigInt>,
        note_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    old_addresses (path) {
        path -> Text,
        post_id -> Nullable<BigInt>,
        upload -> Nullable<Text>,
    }
}

diesel::table! {
    bin_entries (id) {
        id -> BigInt,
        post_id -> BigInt,
        comment_id -> Nullable<BigInt>,
        user_id -> Nullable<BigInt>,
        deleted_by -> Nullable<BigInt>,
        deleted_at -> Timestamp,
    }
}

diesel::table! {
    bin_posts (id) {
        entry -> BigInt,
        id -> BigInt,
        title -> Text,
        body -> Text,
        status -> Text,
        author -> Nullable<Text>,
        user_id -> Nullable<BigInt>,
        source -> Nullable<Text>,
        inserted_at -> Timestamp,
        updated_at -> Timestamp,
        comments_locked -> Bool,
        slug -> Nullable<Text>,
        published_at -> Nullable<Timestamp>,
        publish_at -> Nullable<Timestamp>,
        edited_by -> Nullable<BigInt>,
    }
}

diesel::table! {
    bin_post_tags (entry, ordinal) {
        entry -> BigInt,
        post_id -> BigInt,
        ordinal -> Integer,
        tag -> Text,
    }
}

diesel::table! {
    bin_comments (id) {
        entry -> BigInt,
        id -> BigInt,
        post_id -> BigInt,
        body -> Text,
        author -> Nullable<Text>,
        user_id -> Nullable<BigInt>,
        inserted_at -> Timestamp,
        state -> Text,
    }
}

diesel::table! {
    // Without a primary key; Diesel asks for one.
    bin_upload_uses (entry, digest, post_id, comment_id) {
        entry -> BigInt,
        digest -> Text,
        post_id -> Nullable<BigInt>,
        comment_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    bin_old_addresses (entry, path) {
        entry -> BigInt,
        path -> Text,
        post_id -> BigInt,
    }
}

diesel::table! {
    bin_working_copies (id) {
        entry -> BigInt,
        id -> BigInt,
        user_id -> BigInt,
        post_id -> Nullable<BigInt>,
        form_key -> Nullable<Text>,
        title -> Text,
        body -> Text,
        tags -> Text,
        slug -> Text,
        status -> Text,
        publish_at -> Text,
        version -> Text,
        written_by -> Text,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    bin_copy_uploads (copy_id, digest) {
        entry -> BigInt,
        copy_id -> BigInt,
        digest -> Text,
    }
}

diesel::table! {
    bin_draft_links (id) {
        entry -> BigInt,
        id -> BigInt,
        token_digest -> Text,
        post_id -> BigInt,
        inserted_at -> Timestamp,
        expires_at -> Timestamp,
    }
}

diesel::table! {
    working_copies (id) {
        id -> BigInt,
        user_id -> BigInt,
        post_id -> Nullable<BigInt>,
        form_key -> Nullable<Text>,
        title -> Text,
        body -> Text,
        tags -> Text,
        slug -> Text,
        status -> Text,
        publish_at -> Text,
        version -> Text,
        written_by -> Text,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    copy_uploads (copy_id, digest) {
        copy_id -> BigInt,
        digest -> Text,
    }
}

diesel::table! {
    draft_links (id) {
        id -> BigInt,
        token_digest -> Text,
        post_id -> BigInt,
        inserted_at -> Timestamp,
        expires_at -> Timestamp,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    bin_copy_uploads,
    bin_upload_uses,
    copy_uploads,
    old_addresses,
    posts,
    uploads,
    upload_uses
);
