-- Written in the transaction of the row that the event is about.
CREATE TABLE events (
    id BIGINT PRIMARY KEY NOT NULL,
    channel TEXT NOT NULL,
    topic TEXT NOT NULL,
    payload TEXT NOT NULL,
    -- Who may see it.
    audience TEXT NOT NULL,
    -- What it is about, as kind:id, so that deleting that finds its events.
    subject TEXT NOT NULL,
    inserted_at TIMESTAMP NOT NULL
);
CREATE INDEX events_subject ON events (subject);

-- One row. The position is the last one given; the id tells this log from a restored or another one.
CREATE TABLE log (
    id TEXT PRIMARY KEY NOT NULL,
    position BIGINT NOT NULL
);
INSERT INTO log (id, position) VALUES (lower(hex(randomblob(16))), 0);
