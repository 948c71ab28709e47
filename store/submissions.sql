-- What submitting a dataset needs beside the first tables: which files a provider has, and how to find a job again.
CREATE TABLE uploads (
    endpoint VARCHAR NOT NULL,           -- the provider's address
    sha256 VARCHAR NOT NULL,             -- of the file's bytes
    file_id VARCHAR,                     -- null until the provider has the whole file
    upload_id VARCHAR,                   -- of an upload in parts that is under way
    part_bytes BIGINT,
    part_ids VARCHAR[],                  -- in order
    updated_at TIMESTAMPTZ NOT NULL
);
ALTER TABLE jobs ADD COLUMN endpoint VARCHAR;
ALTER TABLE jobs ADD COLUMN content VARCHAR;         -- hash of everything asked for but the counter
ALTER TABLE jobs ADD COLUMN repeat INTEGER;          -- from 1: deliberate repeats of the same content
ALTER TABLE jobs ADD COLUMN submission_key VARCHAR;  -- stands in the job's metadata at the provider
