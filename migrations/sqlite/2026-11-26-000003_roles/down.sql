CREATE TABLE new_users (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    username TEXT NOT NULL,
    folded_username TEXT NOT NULL UNIQUE,
    email TEXT UNIQUE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('member', 'admin')),
    inserted_at TIMESTAMP NOT NULL
);
INSERT INTO new_users
SELECT id, username, folded_username, email, password_hash, CASE role WHEN 'admin' THEN role ELSE 'member' END, inserted_at
FROM users;
-- An id that was given once is never given again, not even that of a user who was deleted.
DELETE FROM sqlite_sequence WHERE name = 'new_users';
INSERT INTO sqlite_sequence (name, seq)
SELECT 'new_users', seq FROM sqlite_sequence WHERE name = 'users';

-- It refers to the users, and would be emptied with the old table.
CREATE TABLE new_sessions (
    token_digest TEXT PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES new_users (id) ON DELETE CASCADE,
    inserted_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
);
INSERT INTO new_sessions SELECT token_digest, user_id, inserted_at, expires_at FROM sessions;

DROP TABLE sessions;
DROP TABLE users;
ALTER TABLE new_users RENAME TO users;
ALTER TABLE new_sessions RENAME TO sessions;
CREATE INDEX sessions_newest ON sessions (user_id, inserted_at DESC);
CREATE INDEX sessions_expiring ON sessions (expires_at);
