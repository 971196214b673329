ALTER TABLE posts DROP COLUMN comments_locked;
DROP INDEX notes_of_user;
DROP INDEX posts_of_user;
DROP INDEX comments_of_user;
DROP INDEX comments_held;
ALTER TABLE comments DROP COLUMN state;
