-- A stored response belongs to one account (0: to nobody), and knows its subject, with which it is
-- redacted.
CREATE TABLE stored_responses (
    account BIGINT NOT NULL,
    path TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    location TEXT,
    body TEXT NOT NULL,
    position BIGINT NOT NULL,
    inserted_at TIMESTAMP NOT NULL,
    subject TEXT,
    parent TEXT,
    PRIMARY KEY (account, path, idempotency_key)
);

INSERT INTO stored_responses
SELECT 0, path, idempotency_key, fingerprint, location, body, position, inserted_at,
    CASE
        WHEN location LIKE '/api/posts/%' THEN 'post:' || substr(location, 12)
        WHEN location LIKE '/api/notes/%' THEN 'note:' || substr(location, 12)
    END,
    CASE
        WHEN path LIKE '/api/posts/%/comments'
        THEN 'post:' || replace(substr(path, 12), '/comments', '')
    END
FROM idempotency_keys;

DROP TABLE idempotency_keys;

-- What was deleted before.
UPDATE stored_responses SET body = '{"id":' || substr(subject, 6) || ',"redacted":true}'
WHERE (subject LIKE 'post:%' AND substr(subject, 6) NOT IN (SELECT CAST(id AS TEXT) FROM posts))
    OR (subject LIKE 'note:%' AND substr(subject, 6) NOT IN (SELECT CAST(id AS TEXT) FROM notes));
UPDATE stored_responses SET body = '{"redacted":true}'
WHERE parent LIKE 'post:%' AND substr(parent, 6) NOT IN (SELECT CAST(id AS TEXT) FROM posts);

CREATE INDEX stored_responses_oldest ON stored_responses (inserted_at);
CREATE INDEX stored_responses_subject ON stored_responses (subject) WHERE subject IS NOT NULL;
CREATE INDEX stored_responses_parent ON stored_responses (parent) WHERE parent IS NOT NULL;
