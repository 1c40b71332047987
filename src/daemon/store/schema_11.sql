-- The versions of the dialplan that were live or on trial, with their text.

CREATE TABLE versions (
    version INTEGER PRIMARY KEY,
    -- The whole of it, as JSON.
    said    TEXT NOT NULL
) STRICT;

-- A file that many versions have is kept once.
CREATE TABLE version_texts (
    -- SHA-256 of the text.
    hash BLOB PRIMARY KEY,
    text TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE version_files (
    version INTEGER NOT NULL,
    -- The path in the folder of dialplans; empty: what each prompt said.
    name    TEXT NOT NULL,
    hash    BLOB NOT NULL,
    PRIMARY KEY (version, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX version_files_by_hash ON version_files (hash);

-- The version that the call began with, where that was known, and the menus' questions that it did not answer rightly.
ALTER TABLE calls ADD COLUMN version INTEGER;
ALTER TABLE calls ADD COLUMN wrong_keys INTEGER NOT NULL DEFAULT 0;
