DROP TABLE draft_links;
DROP TABLE copy_uploads;
DROP TABLE working_copies;
