-- Whether an account's name is shown to those who read the same post.
ALTER TABLE users ADD COLUMN shows_presence BOOLEAN NOT NULL DEFAULT TRUE;
