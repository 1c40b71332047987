-- Complaints with all that became of them, what callers said of a talk, and what was noted of a call.

CREATE TABLE complaints (
    -- The call in which it was first made: its number without the check digit.
    call     INTEGER PRIMARY KEY,
    state    TEXT NOT NULL,
    owner    TEXT,
    accepted INTEGER NOT NULL,
    -- The whole of it, as JSON.
    said     TEXT NOT NULL
) STRICT;

CREATE INDEX complaints_by_time ON complaints (accepted);
-- What is not closed is a small part of all that were ever made.
CREATE INDEX complaints_not_closed ON complaints (owner) WHERE state <> 'closed';

CREATE TABLE surveys (
    call        INTEGER PRIMARY KEY,
    at          INTEGER NOT NULL,
    from_number TEXT NOT NULL,
    queue       TEXT,
    agent       TEXT,
    mark        INTEGER NOT NULL,
    solved      INTEGER,
    low         INTEGER NOT NULL
) STRICT;

CREATE INDEX surveys_by_time ON surveys (at);
-- Nobody is asked too often.
CREATE INDEX surveys_by_number ON surveys (from_number, at);

-- What a slip is for that is no ordinary message, as JSON.
ALTER TABLE slips ADD COLUMN about TEXT;

ALTER TABLE calls ADD COLUMN complaint TEXT;
-- As JSON.
ALTER TABLE calls ADD COLUMN survey TEXT;
ALTER TABLE calls ADD COLUMN notes TEXT;
