-- A slip says who called and where to call back, has its matter in pieces, and a life: due, reminded of, passed on.

CREATE TABLE slips_7 (
    slip        INTEGER PRIMARY KEY,
    call        INTEGER NOT NULL,
    from_number TEXT NOT NULL,
    person      TEXT,
    -- The box that it lies in now.
    mailbox     TEXT NOT NULL,
    taken       INTEGER NOT NULL,
    who         INTEGER,
    -- A JSON list of recordings, in the order spoken.
    recordings  TEXT NOT NULL,
    length_ms   INTEGER NOT NULL,
    number      TEXT,
    urgent      INTEGER NOT NULL,
    confirmed   INTEGER NOT NULL,
    state       TEXT NOT NULL,
    told        INTEGER NOT NULL,
    due         INTEGER,
    reminders   INTEGER NOT NULL,
    -- A JSON list of boxes.
    passed      TEXT NOT NULL
) STRICT;

-- Nobody is told anew of what was taken before there was anybody to tell; but it is kept from being forgotten.
INSERT INTO slips_7
    SELECT slip, call, from_number, person, mailbox, taken, NULL, '[' || recording || ']', length_ms, NULL, 0,
           confirmed, state, 1, CASE state WHEN 'done' THEN NULL ELSE taken END, 0, '[]'
    FROM slips;
DROP TABLE slips;
ALTER TABLE slips_7 RENAME TO slips;

CREATE INDEX slips_by_mailbox ON slips (mailbox, taken);
CREATE INDEX slips_by_time ON slips (taken);
-- What is not settled is a small part of all that were ever taken.
CREATE INDEX slips_unsettled ON slips (mailbox) WHERE state NOT IN ('done', 'deleted');

-- Who is to be told of a slip, until they are.
CREATE TABLE deliveries (
    -- Never given twice: receivers know by it what they have had already.
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    slip     INTEGER NOT NULL,
    occasion TEXT NOT NULL,
    -- An address; none: the web hook.
    mail     TEXT,
    due      INTEGER NOT NULL,
    tries    INTEGER NOT NULL,
    last     TEXT
) STRICT;

CREATE INDEX deliveries_by_due ON deliveries (due);
