-- The first answers to requests that carried an Idempotency-Key.
CREATE TABLE idempotency_keys (
    -- The path that was posted to: the same key elsewhere is another one.
    path TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    -- A digest of the request's body; another body under the same key is a mistake.
    fingerprint TEXT NOT NULL,
    location TEXT,
    body TEXT NOT NULL,
    position BIGINT NOT NULL,
    inserted_at TIMESTAMP NOT NULL,
    PRIMARY KEY (path, idempotency_key)
);
CREATE INDEX idempotency_keys_oldest ON idempotency_keys (inserted_at);
