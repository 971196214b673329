-- All that the sitemap tells of a post, so that it is read without passing over bodies.
CREATE INDEX posts_addresses ON posts (status, id, updated_at, slug);
-- An account's newest posts, for its feed.
CREATE INDEX posts_newest_of_user ON posts (user_id, status, listed_at DESC, id DESC)
    WHERE user_id IS NOT NULL;
