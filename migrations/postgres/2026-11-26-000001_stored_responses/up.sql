-- A stored response belongs to one account (0: to nobody), and knows its subject, with which it is
-- redacted.
ALTER TABLE idempotency_keys RENAME TO stored_responses;
ALTER TABLE stored_responses ADD COLUMN account BIGINT NOT NULL DEFAULT 0;
ALTER TABLE stored_responses ALTER COLUMN account DROP DEFAULT;
ALTER TABLE stored_responses ADD COLUMN subject TEXT;
ALTER TABLE stored_responses ADD COLUMN parent TEXT;
ALTER TABLE stored_responses DROP CONSTRAINT idempotency_keys_pkey;
ALTER TABLE stored_responses ADD PRIMARY KEY (account, path, idempotency_key);
ALTER INDEX idempotency_keys_oldest RENAME TO stored_responses_oldest;

UPDATE stored_responses SET
    subject = CASE
        WHEN location LIKE '/api/posts/%' THEN 'post:' || substr(location, 12)
        WHEN location LIKE '/api/notes/%' THEN 'note:' || substr(location, 12)
    END,
    parent = CASE
        WHEN path LIKE '/api/posts/%/comments'
        THEN 'post:' || replace(substr(path, 12), '/comments', '')
    END;

-- What was deleted before.
UPDATE stored_responses SET body = '{"id":' || substr(subject, 6) || ',"redacted":true}'
WHERE (subject LIKE 'post:%' AND substr(subject, 6) NOT IN (SELECT CAST(id AS TEXT) FROM posts))
    OR (subject LIKE 'note:%' AND substr(subject, 6) NOT IN (SELECT CAST(id AS TEXT) FROM notes));
UPDATE stored_responses SET body = '{"redacted":true}'
WHERE parent LIKE 'post:%' AND substr(parent, 6) NOT IN (SELECT CAST(id AS TEXT) FROM posts);

CREATE INDEX stored_responses_subject ON stored_responses (subject) WHERE subject IS NOT NULL;
CREATE INDEX stored_responses_parent ON stored_responses (parent) WHERE parent IS NOT NULL;
