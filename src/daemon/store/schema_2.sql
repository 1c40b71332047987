-- What the trunks know. `diverted` is a JSON list, `outside` a JSON object; both only where there is something to say.

ALTER TABLE calls ADD COLUMN withheld INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN diverted TEXT;
ALTER TABLE calls ADD COLUMN outside TEXT;
