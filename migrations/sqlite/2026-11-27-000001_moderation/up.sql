-- Whether a comment shows. Those from before all do.
ALTER TABLE comments ADD COLUMN state TEXT NOT NULL DEFAULT 'visible'
    CHECK (state IN ('held', 'visible', 'hidden'));
-- Those that wait for approval, in the order in which they came.
CREATE INDEX comments_held ON comments (inserted_at, id) WHERE state = 'held';
-- Whether an account has comments, and how many.
CREATE INDEX comments_of_user ON comments (user_id) WHERE user_id IS NOT NULL;
-- How many posts and notes an account has.
CREATE INDEX posts_of_user ON posts (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX notes_of_user ON notes (user_id) WHERE user_id IS NOT NULL;
-- Nobody may add a comment.
ALTER TABLE posts ADD COLUMN comments_locked BOOLEAN NOT NULL DEFAULT FALSE;
