-- What pulling from an API remembers, so that it goes on where it was.
CREATE TABLE pulls (                     -- one row an account
    source VARCHAR NOT NULL,             -- zendesk, intercom, freshdesk, slack
    account VARCHAR NOT NULL,            -- the account's address or id at the source
    since TIMESTAMPTZ,                   -- as asked for; null: everything
    place VARCHAR NOT NULL,              -- JSON: the source's cursor
    is_complete BOOLEAN NOT NULL         -- what is in the queue needs nothing of the list's next page
);
CREATE TABLE pulled (                    -- what is listed, or fetched, and not yet read by a connector
    source VARCHAR NOT NULL,
    account VARCHAR NOT NULL,
    number BIGINT NOT NULL,              -- in the order listed
    item_id VARCHAR NOT NULL,            -- the conversation's external id
    part VARCHAR NOT NULL,               -- what is of one part is read as one file
    version TIMESTAMPTZ,                 -- of the last change, as listed
    record VARCHAR NOT NULL,             -- JSON: as listed
    is_fetched BOOLEAN NOT NULL,
    content VARCHAR                      -- lines of JSON: the file's
);
