-- Sign-ins have an id, by which they are listed and ended; a bearer token is one with a name.
CREATE TABLE sign_ins (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- Of the token that the browser or the program has. Whoever reads this table has no token.
    token_digest TEXT NOT NULL UNIQUE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- A bearer token's; none for a browser's cookie.
    name TEXT,
    user_agent TEXT,
    inserted_at TIMESTAMP NOT NULL,
    -- About when it was last used, if it was.
    last_seen_at TIMESTAMP,
    -- None for one that lasts until it is ended.
    expires_at TIMESTAMP
);
INSERT INTO sign_ins (token_digest, user_id, inserted_at, last_seen_at, expires_at)
SELECT token_digest, user_id, inserted_at, datetime('now'), expires_at FROM sessions
ORDER BY inserted_at;
DROP TABLE sessions;
CREATE INDEX sign_ins_newest ON sign_ins (user_id, inserted_at DESC);
CREATE INDEX sign_ins_expiring ON sign_ins (expires_at) WHERE expires_at IS NOT NULL;
-- Those whose sockets must close, numbered in the order of their commits. Every node reads the new
-- ones once a second.
CREATE TABLE ended_sign_ins (
    number BIGINT PRIMARY KEY NOT NULL,
    sign_in_id BIGINT NOT NULL,
    ended_at TIMESTAMP NOT NULL
);

-- When an account was disabled, while it is.
ALTER TABLE users ADD COLUMN disabled_at TIMESTAMP;
-- What the name looks like: no two accounts look alike. None for those from before that do.
ALTER TABLE users ADD COLUMN skeleton TEXT;
CREATE UNIQUE INDEX users_skeleton ON users (skeleton);
