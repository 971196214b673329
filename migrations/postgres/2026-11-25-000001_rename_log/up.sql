-- The log belongs to the package kilonova-feed from now on, under names of its own. This makes its
-- tables as that package's first migration does, which then finds them, and keeps the log's id,
-- positions and content: clients resume as before.
CREATE TABLE kilonova_events (
    position BIGINT PRIMARY KEY,
    channel TEXT NOT NULL,
    topic TEXT NOT NULL,
    -- JSON.
    payload TEXT NOT NULL,
    -- Who may see it, in the application's words.
    audience TEXT NOT NULL,
    -- What it is about, so that redacting that finds its events: a kind of row, and its id as JSON.
    kind TEXT,
    subject_id TEXT,
    -- The row that this row is part of.
    parent_kind TEXT,
    parent_id TEXT,
    -- Whether it redacted the subject's earlier events.
    redacts BOOLEAN NOT NULL,
    inserted_at TIMESTAMP NOT NULL
);
INSERT INTO kilonova_events
    SELECT id, channel, topic, payload, audience, kind, subject_id::text,
           CASE WHEN post_id IS NOT NULL THEN 'post' END, post_id::text,
           topic LIKE '%\_deleted' OR (topic = 'post_updated' AND audience = 'draft'),
           inserted_at
    FROM events;
CREATE INDEX kilonova_events_channel ON kilonova_events (channel, position);
CREATE INDEX kilonova_events_subject ON kilonova_events (kind, subject_id)
    WHERE kind IS NOT NULL;
CREATE INDEX kilonova_events_parent ON kilonova_events (parent_kind, parent_id)
    WHERE parent_kind IS NOT NULL;

CREATE TABLE kilonova_log (
    id TEXT PRIMARY KEY,
    position BIGINT NOT NULL,
    bytes BIGINT NOT NULL
) WITH (fillfactor = 10);
INSERT INTO kilonova_log (id, position, bytes) SELECT id, position, bytes FROM log;

DROP FUNCTION append_events;
DROP TABLE events;
DROP TABLE log;
