DROP FUNCTION append_events;
DROP TABLE log;
DROP TABLE events;
