-- Written in the transaction of the row that the event is about.
CREATE TABLE events (
    id BIGINT PRIMARY KEY NOT NULL,
    channel TEXT NOT NULL,
    topic TEXT NOT NULL,
    payload TEXT NOT NULL,
    -- Who may see it: public, account (whoever has one), draft (its author, when it has one).
    audience TEXT NOT NULL,
    -- What it is about, so that deleting that finds its events: post, comment or note, and which.
    kind TEXT NOT NULL,
    subject_id BIGINT NOT NULL,
    -- The post that a comment is on.
    post_id BIGINT,
    inserted_at TIMESTAMP NOT NULL
);
CREATE INDEX events_channel ON events (channel, id);
CREATE INDEX events_subject ON events (kind, subject_id);
CREATE INDEX events_post ON events (post_id) WHERE post_id IS NOT NULL;

-- One row. The position is the last one given; the id tells this log from a restored or another
-- one; bytes is the size of all payloads kept.
CREATE TABLE log (
    id TEXT PRIMARY KEY NOT NULL,
    position BIGINT NOT NULL,
    bytes BIGINT NOT NULL
);
INSERT INTO log (id, position, bytes) VALUES (lower(hex(randomblob(16))), 0, 0);
