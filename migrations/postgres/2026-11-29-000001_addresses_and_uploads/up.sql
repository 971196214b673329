-- Pictures in texts, and files that an import brought.
CREATE TABLE uploads (
    -- The first 160 bits of the SHA-256 of its bytes, in hexadecimal digits.
    digest TEXT PRIMARY KEY NOT NULL,
    media_type TEXT NOT NULL,
    -- What a reader saves it as; NULL for a picture, which is shown.
    name TEXT,
    -- Of a picture, in pixels.
    width INTEGER,
    height INTEGER,
    length BIGINT NOT NULL,
    -- The account that uploaded it first.
    user_id BIGINT,
    inserted_at TIMESTAMP NOT NULL,
    -- Since when no text has it; NULL while one has.
    unused_at TIMESTAMP
);
CREATE INDEX uploads_of_user ON uploads (user_id) WHERE user_id IS NOT NULL;

-- Its bytes, in slices of 256 KiB.
CREATE TABLE upload_slices (
    digest TEXT NOT NULL REFERENCES uploads (digest) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (digest, ordinal)
);

-- Which texts have it.
CREATE TABLE upload_uses (
    digest TEXT NOT NULL,
    post_id BIGINT REFERENCES posts (id) ON DELETE CASCADE,
    comment_id BIGINT REFERENCES comments (id) ON DELETE CASCADE,
    note_id BIGINT REFERENCES notes (id) ON DELETE CASCADE
);
CREATE INDEX upload_uses_digest ON upload_uses (digest);
CREATE INDEX upload_uses_post ON upload_uses (post_id) WHERE post_id IS NOT NULL;
CREATE INDEX upload_uses_comment ON upload_uses (comment_id) WHERE comment_id IS NOT NULL;
CREATE INDEX upload_uses_note ON upload_uses (note_id) WHERE note_id IS NOT NULL;

-- The addresses of a site that was imported, and where they lead now.
CREATE TABLE old_addresses (
    -- Decoded, without a slash at its end.
    path TEXT PRIMARY KEY NOT NULL,
    post_id BIGINT REFERENCES posts (id) ON DELETE CASCADE,
    upload TEXT REFERENCES uploads (digest) ON DELETE CASCADE,
    CHECK ((post_id IS NULL) <> (upload IS NULL))
);
CREATE INDEX old_addresses_post ON old_addresses (post_id) WHERE post_id IS NOT NULL;
CREATE INDEX old_addresses_upload ON old_addresses (upload) WHERE upload IS NOT NULL;
