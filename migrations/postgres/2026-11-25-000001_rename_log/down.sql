CREATE TABLE events (
    id BIGINT PRIMARY KEY,
    channel TEXT NOT NULL,
    topic TEXT NOT NULL,
    payload TEXT NOT NULL,
    audience TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject_id BIGINT NOT NULL,
    post_id BIGINT,
    inserted_at TIMESTAMP NOT NULL
);
INSERT INTO events
    SELECT position, channel, topic, payload, audience, kind, subject_id::bigint,
           parent_id::bigint, inserted_at
    FROM kilonova_events;
CREATE INDEX events_channel ON events (channel, id);
CREATE INDEX events_subject ON events (kind, subject_id);
CREATE INDEX events_post ON events (post_id) WHERE post_id IS NOT NULL;
CREATE TABLE log (
    id TEXT PRIMARY KEY,
    position BIGINT NOT NULL,
    bytes BIGINT NOT NULL
) WITH (fillfactor = 10);
INSERT INTO log (id, position, bytes) SELECT id, position, bytes FROM kilonova_log;
CREATE FUNCTION append_events(
    channels TEXT[], topics TEXT[], payloads TEXT[], audiences TEXT[], kinds TEXT[],
    subject_ids BIGINT[], post_ids BIGINT[], written_at TIMESTAMP, added BIGINT
) RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE
    last BIGINT;
BEGIN
    UPDATE log SET position = position + cardinality(channels), bytes = bytes + added
        RETURNING position INTO STRICT last;
    INSERT INTO events
            (id, channel, topic, payload, audience, kind, subject_id, post_id, inserted_at)
        SELECT last - cardinality(channels) + place, channel, topic, payload, audience, kind,
               subject_id, post_id, written_at
        FROM unnest(channels, topics, payloads, audiences, kinds, subject_ids, post_ids)
             WITH ORDINALITY AS new
             (channel, topic, payload, audience, kind, subject_id, post_id, place);
    RETURN last;
END $$;
DROP TABLE kilonova_events;
DROP TABLE kilonova_log;
