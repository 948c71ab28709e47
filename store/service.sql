-- What the web service keeps: who may come in, what it does in the background, and files on their way in.

CREATE TABLE people (
    person_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,               -- to sign in with; unique whatever the case of its letters
    role VARCHAR NOT NULL,               -- viewer, reviewer, lead, admin
    may_reveal BOOLEAN NOT NULL,         -- may see originals; each time is a row of history
    password VARCHAR,                    -- argon2id; null: comes in by link or through the proxy alone
    created_at TIMESTAMPTZ NOT NULL,
    removed_at TIMESTAMPTZ
);
CREATE TABLE credentials (               -- what lets a person in; of the secret itself only the hash is here
    credential_id VARCHAR NOT NULL,
    secret_hash VARCHAR NOT NULL,        -- SHA-256 of 256 random bits
    person_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,               -- session (a browser), token (a script), link (once)
    name VARCHAR NOT NULL,               -- the browser, or what the token is for
    scope VARCHAR NOT NULL,              -- the highest role it acts in
    created_at TIMESTAMPTZ NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ                 -- used up, signed out or revoked
);
CREATE TABLE tasks (                     -- work in the background; each makes one or more rows of runs
    task_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,               -- ingest, curate, export, submit, audit, ...
    arguments VARCHAR NOT NULL,          -- JSON, ids and choices; never text of a conversation
    status VARCHAR NOT NULL,             -- waiting, running, done, failed, cancelled, interrupted
    asked_by VARCHAR NOT NULL,           -- the person's name
    asked_at TIMESTAMPTZ NOT NULL,
    started_at TIMESTAMPTZ,
    finished_at TIMESTAMPTZ,
    result VARCHAR,                      -- JSON
    problem VARCHAR                      -- JSON: code, message, hint
);
CREATE TABLE drops (                     -- files that somebody dropped into the browser together
    drop_id VARCHAR NOT NULL,            -- names their folder in the workspace's incoming/, where they lie sealed
    status VARCHAR NOT NULL,             -- open, importing, imported (its files are gone then)
    connector VARCHAR,                   -- as chosen by a person; null: as recognised
    task_id VARCHAR,                     -- that imports it
    dropped_by VARCHAR NOT NULL,
    dropped_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE dropped_files (
    drop_id VARCHAR NOT NULL,
    place VARCHAR NOT NULL,              -- names the sealed file in the folder
    file_name VARCHAR NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 VARCHAR NOT NULL,
    received_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE idempotency (               -- answers to posts that named a key, so that a second try changes nothing
    person_id VARCHAR NOT NULL,
    idempotency_key VARCHAR NOT NULL,
    request_hash VARCHAR NOT NULL,
    status INTEGER,                      -- null while the first try is under way
    answer VARCHAR,
    happened_at TIMESTAMPTZ NOT NULL
);
