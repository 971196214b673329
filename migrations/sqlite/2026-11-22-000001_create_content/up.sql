-- AUTOINCREMENT: the id of something deleted is never given to something else.
CREATE TABLE posts (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('draft', 'published', 'archived')),
    author TEXT,
    user_id BIGINT,
    -- Where an imported post came from; importing it again updates this row.
    source TEXT UNIQUE,
    inserted_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX posts_newest ON posts (status, inserted_at DESC, id DESC);

CREATE TABLE post_tags (
    post_id BIGINT NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    -- The place in the order in which the author gave the tags.
    ordinal INTEGER NOT NULL,
    tag TEXT NOT NULL,
    PRIMARY KEY (post_id, ordinal)
);
CREATE INDEX post_tags_tag ON post_tags (tag, post_id);

CREATE TABLE comments (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    post_id BIGINT NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    body TEXT NOT NULL,
    author TEXT,
    user_id BIGINT,
    inserted_at TIMESTAMP NOT NULL
);
CREATE INDEX comments_oldest ON comments (post_id, inserted_at, id);

CREATE TABLE notes (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    author TEXT NOT NULL,
    inserted_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX notes_newest ON notes (inserted_at DESC, id DESC);
