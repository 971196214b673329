DROP TABLE old_addresses;
DROP TABLE upload_uses;
DROP TABLE upload_slices;
DROP TABLE uploads;
