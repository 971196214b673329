DROP INDEX posts_due;
DROP INDEX posts_newest;
CREATE INDEX posts_newest ON posts (status, inserted_at DESC, id DESC);
ALTER TABLE posts DROP COLUMN listed_at;
ALTER TABLE posts DROP COLUMN publish_at;
ALTER TABLE posts DROP COLUMN published_at;
ALTER TABLE posts DROP COLUMN slug;
