-- Where the post of a tag stands in lists, while it is published; NULL while it is not. So the posts of
-- a tag are read in their order, and tags are counted, without a look at the posts. Triggers keep it: a
-- node of an older version writes posts, too.
ALTER TABLE post_tags ADD COLUMN listed_at TIMESTAMP;
UPDATE post_tags SET listed_at =
    (SELECT posts.listed_at FROM posts WHERE posts.id = post_id AND posts.status = 'published');
CREATE INDEX post_tags_listed ON post_tags (tag, listed_at DESC, post_id DESC)
    WHERE listed_at IS NOT NULL;
CREATE TRIGGER post_tags_inserted AFTER INSERT ON post_tags
BEGIN
    UPDATE post_tags SET listed_at =
        (SELECT posts.listed_at FROM posts
         WHERE posts.id = NEW.post_id AND posts.status = 'published')
    WHERE post_id = NEW.post_id AND ordinal = NEW.ordinal;
END;
CREATE TRIGGER posts_relisted AFTER UPDATE OF status, inserted_at, published_at ON posts
WHEN OLD.status <> NEW.status OR OLD.inserted_at <> NEW.inserted_at
    OR OLD.published_at IS NOT NEW.published_at
BEGIN
    UPDATE post_tags SET listed_at =
        CASE NEW.status WHEN 'published' THEN COALESCE(NEW.published_at, NEW.inserted_at) END
    WHERE post_id = NEW.id;
END;
-- How many comments of a post show.
CREATE INDEX comments_of_post ON comments (post_id, state);
