-- Times are microseconds since 1970-01-01T00:00:00Z, durations are milliseconds.

CREATE TABLE calls (
    call          INTEGER PRIMARY KEY,
    sip_call_id   TEXT NOT NULL,
    from_number   TEXT NOT NULL,
    dialled       TEXT NOT NULL,
    origin        TEXT NOT NULL,
    language      TEXT NOT NULL,
    grade         TEXT,
    started       INTEGER NOT NULL,
    answered      INTEGER,
    ended         INTEGER NOT NULL,
    keys          TEXT NOT NULL,
    -- The last queue, all of it or nothing.
    queue         TEXT,
    queue_entered INTEGER,
    waited_ms     INTEGER,
    offers        INTEGER,
    outcome       TEXT,
    agent         TEXT,
    talked_ms     INTEGER,
    target_ms     INTEGER,
    slip          INTEGER,
    -- A JSON string, or an object with the SIP status and the reason.
    end           TEXT NOT NULL
) STRICT;

CREATE INDEX calls_by_start ON calls (started);

CREATE TABLE stages (
    call   INTEGER NOT NULL,
    place  INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    kind   TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (call, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE recordings (
    call      INTEGER NOT NULL,
    place     INTEGER NOT NULL,
    recording INTEGER NOT NULL,
    PRIMARY KEY (call, place)
) STRICT, WITHOUT ROWID;

-- No reference to calls: a slip is written while its call goes on, the call when it is over.
CREATE TABLE slips (
    slip        INTEGER PRIMARY KEY,
    call        INTEGER NOT NULL,
    from_number TEXT NOT NULL,
    person      TEXT,
    mailbox     TEXT NOT NULL,
    taken       INTEGER NOT NULL,
    recording   INTEGER NOT NULL,
    length_ms   INTEGER NOT NULL,
    confirmed   INTEGER NOT NULL,
    state       TEXT NOT NULL
) STRICT;

CREATE INDEX slips_by_mailbox ON slips (mailbox, taken);

-- The next number of each kind that nobody has been given.
CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    next INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counters (name, next) VALUES ('call', 1), ('recording', 1), ('slip', 1);
