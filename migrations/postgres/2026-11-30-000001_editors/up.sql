-- The account that changed it last, which a conflict names.
ALTER TABLE posts ADD COLUMN edited_by BIGINT;
ALTER TABLE notes ADD COLUMN edited_by BIGINT;
