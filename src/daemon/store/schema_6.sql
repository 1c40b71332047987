-- A callback that is given up is a person's business; and what is remembered of callers outlives a restart.
ALTER TABLE callbacks ADD COLUMN given_up INTEGER;

CREATE TABLE contacts (
    number    TEXT PRIMARY KEY,
    extension TEXT NOT NULL,
    until     INTEGER NOT NULL
) STRICT;

CREATE TABLE places (
    number TEXT NOT NULL,
    queue  TEXT NOT NULL,
    since  INTEGER NOT NULL,
    until  INTEGER NOT NULL,
    PRIMARY KEY (number, queue)
) STRICT;
