-- What was deleted on a page and can be restored. An entry is a post with all that it has, or one
-- comment; the other tables hold the rows as they were, and go with their entry.
CREATE TABLE bin_entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- The post, or the post that the comment is on.
    post_id BIGINT NOT NULL,
    -- NULL for a post.
    comment_id BIGINT,
    -- The account that wrote it.
    user_id BIGINT,
    -- The account that deleted it; NULL where access was open.
    deleted_by BIGINT,
    deleted_at TIMESTAMP NOT NULL
);
CREATE INDEX bin_entries_newest ON bin_entries (deleted_at DESC, id DESC);
CREATE INDEX bin_entries_of_post ON bin_entries (post_id);
CREATE INDEX bin_entries_of_comment ON bin_entries (comment_id) WHERE comment_id IS NOT NULL;
CREATE INDEX bin_entries_of_user ON bin_entries (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX bin_entries_deleted_by ON bin_entries (deleted_by) WHERE deleted_by IS NOT NULL;

CREATE TABLE bin_posts (
    entry BIGINT NOT NULL REFERENCES bin_entries (id) ON DELETE CASCADE,
    id INTEGER PRIMARY KEY NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    status TEXT NOT NULL,
    author TEXT,
    user_id BIGINT,
    source TEXT,
    inserted_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    comments_locked BOOLEAN NOT NULL,
    slug TEXT,
    published_at TIMESTAMP,
    publish_at TIMESTAMP,
    edited_by BIGINT
);
CREATE INDEX bin_posts_entry ON bin_posts (entry);
CREATE INDEX bin_posts_of_user ON bin_posts (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE bin_post_tags (
    entry BIGINT NOT NULL REFERENCES bin_entries (id) ON DELETE CASCADE,
    post_id BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    tag TEXT NOT NULL,
    PRIMARY KEY (entry, ordinal)
);

CREATE TABLE bin_comments (
    entry BIGINT NOT NULL REFERENCES bin_entries (id) ON DELETE CASCADE,
    id INTEGER PRIMARY KEY NOT NULL,
    post_id BIGINT NOT NULL,
    body TEXT NOT NULL,
    author TEXT,
    user_id BIGINT,
    inserted_at TIMESTAMP NOT NULL,
    state TEXT NOT NULL
);
CREATE INDEX bin_comments_entry ON bin_comments (entry);
CREATE INDEX bin_comments_of_user ON bin_comments (user_id) WHERE user_id IS NOT NULL;

-- Uploads that these texts have: they are kept as long as the texts are.
CREATE TABLE bin_upload_uses (
    entry BIGINT NOT NULL REFERENCES bin_entries (id) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    post_id BIGINT,
    comment_id BIGINT
);
CREATE INDEX bin_upload_uses_entry ON bin_upload_uses (entry);
CREATE INDEX bin_upload_uses_digest ON bin_upload_uses (digest);

-- An address may be claimed for another post meanwhile.
CREATE TABLE bin_old_addresses (
    entry BIGINT NOT NULL REFERENCES bin_entries (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    post_id BIGINT NOT NULL,
    PRIMARY KEY (entry, path)
);
