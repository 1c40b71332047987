-- Callbacks that are owed. Gone when they are over: what came of each try is in the calls.
CREATE TABLE callbacks (
    callback  INTEGER PRIMARY KEY,
    number    TEXT NOT NULL,
    queue     TEXT NOT NULL,
    language  TEXT NOT NULL,
    grade     TEXT,
    -- A JSON list of skills by name with their levels.
    needs     TEXT NOT NULL,
    credit_ms INTEGER,
    since     INTEGER NOT NULL,
    tries     INTEGER NOT NULL,
    last      TEXT
) STRICT;
