DROP TABLE notes;
DROP TABLE comments;
DROP TABLE post_tags;
DROP TABLE posts;
