-- Where phones are reached. Gone with the registration: nobody needs to know where somebody was.
CREATE TABLE registrations (
    number     INTEGER PRIMARY KEY,
    user       TEXT NOT NULL,
    contact    TEXT NOT NULL,
    expires    INTEGER NOT NULL,
    refreshed  INTEGER NOT NULL,
    call_id    TEXT NOT NULL,
    cseq       INTEGER NOT NULL,
    transport  TEXT NOT NULL,
    local      TEXT NOT NULL,
    remote     TEXT NOT NULL,
    user_agent TEXT,
    -- A JSON list of texts.
    path       TEXT NOT NULL,
    outbound   INTEGER NOT NULL
) STRICT;
