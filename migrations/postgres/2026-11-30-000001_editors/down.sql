ALTER TABLE notes DROP COLUMN edited_by;
ALTER TABLE posts DROP COLUMN edited_by;
