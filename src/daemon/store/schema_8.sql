-- What was said of people's presence: a restart takes nobody out of a meeting.
CREATE TABLE presences (
    extension TEXT PRIMARY KEY,
    said      TEXT NOT NULL
) STRICT;
