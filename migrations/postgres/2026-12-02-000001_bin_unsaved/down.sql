-- What is in the bin is lost.
DROP TABLE bin_draft_links;
DROP TABLE bin_copy_uploads;
DROP TABLE bin_working_copies;
