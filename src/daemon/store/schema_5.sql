-- How each leg of a call was heard. No reference to calls: a leg may be over before its call, and is told of after it.
CREATE TABLE legs (
    call           INTEGER NOT NULL,
    leg            INTEGER NOT NULL,
    party          TEXT NOT NULL,
    codec          TEXT NOT NULL,
    sent           INTEGER NOT NULL,
    received       INTEGER NOT NULL,
    lost           INTEGER NOT NULL,
    late           INTEGER NOT NULL,
    jitter_ms      INTEGER NOT NULL,
    round_trip_ms  INTEGER,
    peer_lost      INTEGER,
    peer_jitter_ms INTEGER,
    -- Mean opinion score times 100; 0 where nothing was heard.
    mos_x100       INTEGER NOT NULL,
    PRIMARY KEY (call, leg)
) STRICT, WITHOUT ROWID;
