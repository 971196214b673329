DELETE FROM stored_responses AS other USING stored_responses AS one
WHERE other.path = one.path AND other.idempotency_key = one.idempotency_key
    AND other.account > one.account;
ALTER TABLE stored_responses DROP CONSTRAINT stored_responses_pkey;
ALTER TABLE stored_responses DROP COLUMN account, DROP COLUMN subject, DROP COLUMN parent;
ALTER TABLE stored_responses RENAME TO idempotency_keys;
ALTER TABLE idempotency_keys ADD PRIMARY KEY (path, idempotency_key);
ALTER INDEX stored_responses_oldest RENAME TO idempotency_keys_oldest;
