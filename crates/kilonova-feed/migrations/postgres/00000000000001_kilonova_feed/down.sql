DROP FUNCTION kilonova_append;
DROP TABLE kilonova_log;
DROP TABLE kilonova_events;
