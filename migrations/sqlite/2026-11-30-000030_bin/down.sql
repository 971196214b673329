-- What is in the bin is lost.
DROP TABLE bin_old_addresses;
DROP TABLE bin_upload_uses;
DROP TABLE bin_comments;
DROP TABLE bin_post_tags;
DROP TABLE bin_posts;
DROP TABLE bin_entries;
