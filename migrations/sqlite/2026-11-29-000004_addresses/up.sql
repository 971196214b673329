-- All that the sitemap tells of a post, so that it is read without passing over bodies.
CREATE INDEX posts_addresses ON posts (status, id, updated_at, slug);
