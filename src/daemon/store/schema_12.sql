-- Who may sign in at the web, who is signed in, which programs may ask, and who did what.

CREATE TABLE users (
    name      TEXT PRIMARY KEY,
    role      TEXT NOT NULL,
    extension TEXT,
    -- Argon2id, in the form that tells its parameters.
    hash      TEXT NOT NULL,
    made      INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    -- Of the secret in the cookie: who reads this file cannot show the cookie.
    digest BLOB PRIMARY KEY,
    user   TEXT NOT NULL,
    began  INTEGER NOT NULL,
    seen   INTEGER NOT NULL,
    ended  TEXT
) STRICT;

CREATE INDEX sessions_by_user ON sessions (user);

CREATE TABLE tokens (
    token   INTEGER PRIMARY KEY AUTOINCREMENT,
    digest  BLOB NOT NULL UNIQUE,
    user    TEXT NOT NULL,
    title   TEXT NOT NULL,
    -- Words with spaces between them.
    scopes  TEXT NOT NULL,
    made    INTEGER NOT NULL,
    expires INTEGER,
    used    INTEGER
) STRICT;

-- Only ever added to.
CREATE TABLE deeds (
    deed    INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    who     TEXT NOT NULL,
    by      TEXT NOT NULL,
    source  TEXT NOT NULL,
    what    TEXT NOT NULL,
    object  TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail  TEXT NOT NULL
) STRICT;

CREATE INDEX deeds_by_time ON deeds (at);
