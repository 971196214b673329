DROP INDEX users_skeleton;
ALTER TABLE users DROP COLUMN skeleton;
ALTER TABLE users DROP COLUMN disabled_at;
DROP TABLE ended_sign_ins;
CREATE TABLE sessions (
    token_digest TEXT PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    inserted_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
);
INSERT INTO sessions SELECT token_digest, user_id, inserted_at, expires_at FROM sign_ins
WHERE expires_at IS NOT NULL AND name IS NULL;
DROP TABLE sign_ins;
CREATE INDEX sessions_newest ON sessions (user_id, inserted_at DESC);
CREATE INDEX sessions_expiring ON sessions (expires_at);
