-- Keys that all nodes of a site share, in hexadecimal; the application makes each when it first
-- needs it.
CREATE TABLE site_keys (
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
);
