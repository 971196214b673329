CREATE TABLE idempotency_keys (
    path TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    location TEXT,
    body TEXT NOT NULL,
    position BIGINT NOT NULL,
    inserted_at TIMESTAMP NOT NULL,
    PRIMARY KEY (path, idempotency_key)
);
INSERT OR IGNORE INTO idempotency_keys
SELECT path, idempotency_key, fingerprint, location, body, position, inserted_at
FROM stored_responses ORDER BY account;
DROP TABLE stored_responses;
CREATE INDEX idempotency_keys_oldest ON idempotency_keys (inserted_at);
