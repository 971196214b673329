DROP INDEX posts_newest_of_user;
DROP INDEX posts_addresses;
