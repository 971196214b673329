-- Where the post of a tag stands in lists, while it is published; NULL while it is not. So the posts of
-- a tag are read in their order, and tags are counted, without a look at the posts. Triggers keep it: a
-- node of an older version writes posts, too.
ALTER TABLE post_tags ADD COLUMN listed_at TIMESTAMP;
UPDATE post_tags SET listed_at = posts.listed_at
    FROM posts WHERE posts.id = post_id AND posts.status = 'published';
CREATE INDEX post_tags_listed ON post_tags (tag, listed_at DESC, post_id DESC)
    WHERE listed_at IS NOT NULL;
CREATE FUNCTION post_tags_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.listed_at := (SELECT posts.listed_at FROM posts
                      WHERE posts.id = NEW.post_id AND posts.status = 'published');
    RETURN NEW;
END $$;
CREATE TRIGGER post_tags_inserted BEFORE INSERT ON post_tags
    FOR EACH ROW EXECUTE FUNCTION post_tags_inserted();
CREATE FUNCTION posts_relisted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE post_tags SET listed_at = CASE NEW.status WHEN 'published' THEN NEW.listed_at END
        WHERE post_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER posts_relisted AFTER UPDATE OF status, inserted_at, published_at ON posts
    FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.listed_at IS DISTINCT FROM NEW.listed_at)
    EXECUTE FUNCTION posts_relisted();
-- How many comments of a post show.
CREATE INDEX comments_of_post ON comments (post_id, state);
