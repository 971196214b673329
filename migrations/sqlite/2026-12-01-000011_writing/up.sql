-- Texts of posts that their writers have not saved yet: one for each account and post, and for each
-- account and new post. The fields are as typed.
CREATE TABLE working_copies (
    -- Another one with each change, so that a window can tell whether it knows the last.
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The post that it changes, or the key of the form of a new one.
    post_id BIGINT REFERENCES posts (id) ON DELETE CASCADE,
    form_key TEXT,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    tags TEXT NOT NULL,
    slug TEXT NOT NULL,
    status TEXT NOT NULL,
    publish_at TEXT NOT NULL,
    -- The version of the post that it was made from; empty for a new one.
    version TEXT NOT NULL,
    -- The window that wrote it.
    written_by TEXT NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    CHECK ((post_id IS NULL) <> (form_key IS NULL))
);
CREATE UNIQUE INDEX working_copies_of_post ON working_copies (user_id, post_id)
    WHERE post_id IS NOT NULL;
CREATE UNIQUE INDEX working_copies_new ON working_copies (user_id, form_key)
    WHERE form_key IS NOT NULL;
CREATE INDEX working_copies_post ON working_copies (post_id) WHERE post_id IS NOT NULL;
CREATE INDEX working_copies_oldest ON working_copies (updated_at);

-- Which uploads they have.
CREATE TABLE copy_uploads (
    copy_id BIGINT NOT NULL REFERENCES working_copies (id) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    PRIMARY KEY (copy_id, digest)
);
CREATE INDEX copy_uploads_digest ON copy_uploads (digest);

-- Links by which people without an account read a draft.
CREATE TABLE draft_links (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- Of the token in the link. Whoever reads this table has no link.
    token_digest TEXT NOT NULL UNIQUE,
    post_id BIGINT NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    inserted_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX draft_links_of_post ON draft_links (post_id);
CREATE INDEX draft_links_expiring ON draft_links (expires_at);
