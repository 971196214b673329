-- AUTOINCREMENT: the id of a user who was deleted is never given to another.
CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    -- As it was typed.
    username TEXT NOT NULL,
    -- The same in lower case, so that there is one of them however it is typed. What the database
    -- takes for lower case would depend on its locale.
    folded_username TEXT NOT NULL UNIQUE,
    -- In lower case.
    email TEXT UNIQUE,
    -- In the PHC string format, with the algorithm and its parameters.
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('member', 'admin')),
    inserted_at TIMESTAMP NOT NULL
);

-- Who is signed in.
CREATE TABLE sessions (
    -- Of the token that the browser has. Whoever reads this table has no token.
    token_digest TEXT PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    inserted_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX sessions_newest ON sessions (user_id, inserted_at DESC);
CREATE INDEX sessions_expiring ON sessions (expires_at);

-- The account that wrote it, as posts and comments have it.
ALTER TABLE notes ADD COLUMN user_id BIGINT;
