CREATE TABLE events (
    id BIGINT PRIMARY KEY NOT NULL,
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
    SELECT position, channel, topic, payload, audience, kind, CAST(subject_id AS BIGINT),
           CAST(parent_id AS BIGINT), inserted_at
    FROM kilonova_events;
CREATE INDEX events_channel ON events (channel, id);
CREATE INDEX events_subject ON events (kind, subject_id);
CREATE INDEX events_post ON events (post_id) WHERE post_id IS NOT NULL;
CREATE TABLE log (
    id TEXT PRIMARY KEY NOT NULL,
    position BIGINT NOT NULL,
    bytes BIGINT NOT NULL
);
INSERT INTO log (id, position, bytes) SELECT id, position, bytes FROM kilonova_log;
DROP TABLE kilonova_events;
DROP TABLE kilonova_log;
