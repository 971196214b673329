-- What an address says of the post after its id; NULL until it is published, and where its title has
-- no letter.
ALTER TABLE posts ADD COLUMN slug TEXT;
-- When it was published first.
ALTER TABLE posts ADD COLUMN published_at TIMESTAMP;
-- When a draft is to be published: such a one is scheduled.
ALTER TABLE posts ADD COLUMN publish_at TIMESTAMP;
UPDATE posts SET published_at = inserted_at WHERE status <> 'draft';
-- Where it stands in lists.
ALTER TABLE posts ADD COLUMN listed_at TIMESTAMP NOT NULL
    GENERATED ALWAYS AS (COALESCE(published_at, inserted_at)) STORED;
DROP INDEX posts_newest;
CREATE INDEX posts_newest ON posts (status, listed_at DESC, id DESC);
CREATE INDEX posts_due ON posts (publish_at, id) WHERE publish_at IS NOT NULL;
