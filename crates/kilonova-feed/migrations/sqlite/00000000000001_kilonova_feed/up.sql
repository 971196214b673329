-- Written in the transaction of the rows that the events are about.
CREATE TABLE IF NOT EXISTS kilonova_events (
    position BIGINT PRIMARY KEY NOT NULL,
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
CREATE INDEX IF NOT EXISTS kilonova_events_channel ON kilonova_events (channel, position);
CREATE INDEX IF NOT EXISTS kilonova_events_subject ON kilonova_events (kind, subject_id)
    WHERE kind IS NOT NULL;
CREATE INDEX IF NOT EXISTS kilonova_events_parent ON kilonova_events (parent_kind, parent_id)
    WHERE parent_kind IS NOT NULL;

-- One row. The position is the last one given; the id tells this log from a restored or another
-- one; bytes is the size of all payloads kept.
CREATE TABLE IF NOT EXISTS kilonova_log (
    id TEXT PRIMARY KEY NOT NULL,
    position BIGINT NOT NULL,
    bytes BIGINT NOT NULL
);
INSERT INTO kilonova_log (id, position, bytes)
    SELECT lower(hex(randomblob(16))), 0, 0 WHERE NOT EXISTS (SELECT 1 FROM kilonova_log);
