-- What callers were promised. Kept when it has ended: what was promised is reported against what was kept.
CREATE TABLE promises (
    promise  INTEGER PRIMARY KEY,
    kind     TEXT NOT NULL,
    call     INTEGER,
    number   TEXT NOT NULL,
    queue    TEXT NOT NULL,
    owner    TEXT,
    holder   TEXT,
    language TEXT NOT NULL,
    grade    TEXT,
    made     INTEGER NOT NULL,
    due      INTEGER NOT NULL,
    by       INTEGER,
    tries    INTEGER NOT NULL,
    last     TEXT,
    state    TEXT NOT NULL,
    ended    INTEGER
) STRICT;

CREATE INDEX promises_by_made ON promises (made);
CREATE INDEX promises_open ON promises (state) WHERE state = 'open';

-- Whose a matter is: since when, and its last call; its calls are found by the number.
ALTER TABLE contacts ADD COLUMN since INTEGER;
ALTER TABLE contacts ADD COLUMN last_call INTEGER;
CREATE INDEX calls_by_number ON calls (from_number, started);
