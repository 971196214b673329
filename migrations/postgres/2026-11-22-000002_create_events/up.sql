-- Written in the transaction of the row that the event is about.
CREATE TABLE events (
    id BIGINT PRIMARY KEY,
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

-- One row, which every commit changes: the space left in its page lets the new version stand next
-- to the old one. The position is the last one given; the id tells this log from a restored or
-- another one; bytes is the size of all payloads kept.
CREATE TABLE log (
    id TEXT PRIMARY KEY,
    position BIGINT NOT NULL,
    bytes BIGINT NOT NULL
) WITH (fillfactor = 10);
INSERT INTO log (id, position, bytes) VALUES (replace(gen_random_uuid()::text, '-', ''), 0, 0);

-- Gives events the next positions and writes them, in one round trip: whoever has taken a position
-- holds up all other writers until it has committed. Answers with the last position.
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
