-- Written in the transaction of the rows that the events are about.
CREATE TABLE IF NOT EXISTS kilonova_events (
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
CREATE INDEX IF NOT EXISTS kilonova_events_channel ON kilonova_events (channel, position);
CREATE INDEX IF NOT EXISTS kilonova_events_subject ON kilonova_events (kind, subject_id)
    WHERE kind IS NOT NULL;
CREATE INDEX IF NOT EXISTS kilonova_events_parent ON kilonova_events (parent_kind, parent_id)
    WHERE parent_kind IS NOT NULL;

-- One row, which every commit changes: the space left in its page lets the new version stand next
-- to the old one. The position is the last one given; the id tells this log from a restored or
-- another one; bytes is the size of all payloads kept.
CREATE TABLE IF NOT EXISTS kilonova_log (
    id TEXT PRIMARY KEY,
    position BIGINT NOT NULL,
    bytes BIGINT NOT NULL
) WITH (fillfactor = 10);
INSERT INTO kilonova_log (id, position, bytes)
    SELECT replace(gen_random_uuid()::text, '-', ''), 0, 0
    WHERE NOT EXISTS (SELECT 1 FROM kilonova_log);

-- Gives events the next positions and writes them, in one round trip: a transaction that has taken
-- a position holds up all other writers until it has committed. Answers with the last position.
CREATE FUNCTION kilonova_append(
    channels TEXT[], topics TEXT[], payloads TEXT[], audiences TEXT[], kinds TEXT[],
    subject_ids TEXT[], parent_kinds TEXT[], parent_ids TEXT[], redacting BOOLEAN[],
    written_at TIMESTAMP, added BIGINT
) RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE
    last BIGINT;
BEGIN
    UPDATE kilonova_log SET position = position + cardinality(channels), bytes = bytes + added
        RETURNING position INTO STRICT last;
    INSERT INTO kilonova_events
            (position, channel, topic, payload, audience, kind, subject_id, parent_kind, parent_id,
             redacts, inserted_at)
        SELECT last - cardinality(channels) + place, channel, topic, payload, audience, kind,
               subject_id, parent_kind, parent_id, redacts, written_at
        FROM unnest(channels, topics, payloads, audiences, kinds, subject_ids, parent_kinds,
                    parent_ids, redacting)
             WITH ORDINALITY AS new
             (channel, topic, payload, audience, kind, subject_id, parent_kind, parent_id, redacts,
              place);
    RETURN last;
END $$;
