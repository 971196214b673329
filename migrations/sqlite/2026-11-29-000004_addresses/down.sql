DROP INDEX posts_addresses;
