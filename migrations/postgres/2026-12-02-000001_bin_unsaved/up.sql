-- What else a post has in the bin: text that its writers have not saved, and the links to its draft.
CREATE TABLE bin_working_copies (
    entry BIGINT NOT NULL REFERENCES bin_entries (id) ON DELETE CASCADE,
    id BIGINT PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    post_id BIGINT,
    form_key TEXT,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    tags TEXT NOT NULL,
    slug TEXT NOT NULL,
    status TEXT NOT NULL,
    publish_at TEXT NOT NULL,
    version TEXT NOT NULL,
    written_by TEXT NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX bin_working_copies_entry ON bin_working_copies (entry);
CREATE INDEX bin_working_copies_oldest ON bin_working_copies (updated_at);

CREATE TABLE bin_copy_uploads (
    entry BIGINT NOT NULL REFERENCES bin_entries (id) ON DELETE CASCADE,
    copy_id BIGINT NOT NULL REFERENCES bin_working_copies (id) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    PRIMARY KEY (copy_id, digest)
);
CREATE INDEX bin_copy_uploads_entry ON bin_copy_uploads (entry);
CREATE INDEX bin_copy_uploads_digest ON bin_copy_uploads (digest);

CREATE TABLE bin_draft_links (
    entry BIGINT NOT NULL REFERENCES bin_entries (id) ON DELETE CASCADE,
    id BIGINT PRIMARY KEY,
    token_digest TEXT NOT NULL,
    post_id BIGINT NOT NULL,
    inserted_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX bin_draft_links_entry ON bin_draft_links (entry);
