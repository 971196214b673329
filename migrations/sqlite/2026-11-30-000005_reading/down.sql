DROP INDEX comments_of_post;
DROP TRIGGER posts_relisted;
DROP TRIGGER post_tags_inserted;
DROP INDEX post_tags_listed;
ALTER TABLE post_tags DROP COLUMN listed_at;
