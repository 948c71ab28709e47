-- The tables of a workspace. Ids are text; times are TIMESTAMPTZ, with the raw string kept beside them.
-- Uniqueness is kept by store.database.Store.replace (delete, then insert, in one transaction) rather than by index:
-- DuckDB's indexes slow loading down and must fit in memory.

-- ingest ------------------------------------------------------------------------------------------------------------
CREATE TABLE batches (
    batch_id VARCHAR NOT NULL,           -- hash of connector, version, options and the files' bytes
    connector VARCHAR NOT NULL,
    connector_version INTEGER NOT NULL,
    source_uri VARCHAR NOT NULL,         -- file, or folder/archive!member
    file_sha256 VARCHAR NOT NULL,
    file_bytes BIGINT NOT NULL,
    detected_encoding VARCHAR,
    detected_format VARCHAR,
    options VARCHAR NOT NULL,            -- JSON: mapping, account
    status VARCHAR NOT NULL,             -- running, done, failed
    started_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ,
    records BIGINT NOT NULL DEFAULT 0,   -- conversations the connector gave, before keys were compared
    conversations BIGINT NOT NULL DEFAULT 0,
    turns BIGINT NOT NULL DEFAULT 0,
    rejects BIGINT NOT NULL DEFAULT 0,
    superseded BIGINT NOT NULL DEFAULT 0, -- records that left no row: already stored alike, or in a newer version
    run_id VARCHAR NOT NULL
);
CREATE TABLE rejects (
    batch_id VARCHAR NOT NULL,
    source_uri VARCHAR NOT NULL,
    place VARCHAR NOT NULL,              -- line 12, record 4, sheet Orders row 7
    code VARCHAR NOT NULL,
    detail VARCHAR NOT NULL,
    raw VARCHAR                          -- the record as read, or as much of it as could be read
);
CREATE TABLE conversations (
    conversation_key VARCHAR NOT NULL,   -- hash of connector, account, external id
    connector VARCHAR NOT NULL,
    account VARCHAR NOT NULL,
    external_id VARCHAR NOT NULL,
    parent_key VARCHAR,
    merged_into VARCHAR,
    subject VARCHAR,
    channel VARCHAR,
    channel_raw VARCHAR,
    status VARCHAR,
    status_raw VARCHAR,
    priority VARCHAR,
    language VARCHAR,                    -- as the source states it; what we detect is a signal
    created_at TIMESTAMPTZ,
    created_at_raw VARCHAR,
    updated_at TIMESTAMPTZ,
    updated_at_raw VARCHAR,
    closed_at TIMESTAMPTZ,
    closed_at_raw VARCHAR,
    tags VARCHAR[] NOT NULL,
    csat_score DOUBLE,
    csat_scale VARCHAR,
    csat_label VARCHAR,                  -- good, neutral, bad
    csat_comment VARCHAR,
    handled_by VARCHAR NOT NULL,         -- human, bot, mixed, none
    completeness VARCHAR NOT NULL,       -- complete, truncated_head, truncated_body, events_only
    is_test BOOLEAN NOT NULL,
    custom VARCHAR NOT NULL,             -- JSON: fields of the record that have no column
    source_uri VARCHAR NOT NULL,
    place VARCHAR NOT NULL,
    content_hash VARCHAR NOT NULL,       -- over everything above that carries content, turns and participants
    batch_id VARCHAR NOT NULL
);
CREATE TABLE participants (
    conversation_key VARCHAR NOT NULL,
    participant_key VARCHAR NOT NULL,    -- hash of connector, account, external id (else e-mail, else name)
    external_id VARCHAR,
    role VARCHAR NOT NULL,               -- customer, agent, bot, system, third_party, unknown
    role_source VARCHAR NOT NULL,        -- explicit, users_file, direction, mapping, inferred
    display_name VARCHAR,
    email VARCHAR,
    phone VARCHAR,
    is_deleted BOOLEAN NOT NULL
);
CREATE TABLE turns (
    turn_key VARCHAR NOT NULL,           -- hash of the conversation's key and the external id, else the position
    conversation_key VARCHAR NOT NULL,
    external_id VARCHAR,
    position INTEGER NOT NULL,           -- from 0
    kind VARCHAR NOT NULL,               -- message, note, event, form, call, rating, tools, tool_call, tool_result
    visibility VARCHAR NOT NULL,         -- public, internal, unknown (treated as internal)
    role VARCHAR NOT NULL,               -- customer, agent, bot, system
    participant_key VARCHAR,
    is_automated BOOLEAN NOT NULL,
    automation VARCHAR,                  -- trigger, macro, ai, rule, welcome
    created_at TIMESTAMPTZ,
    created_at_raw VARCHAR,
    tz_source VARCHAR NOT NULL,          -- explicit, utc, assumed, none
    edited_at TIMESTAMPTZ,
    is_deleted BOOLEAN NOT NULL,
    is_draft BOOLEAN NOT NULL,
    text VARCHAR NOT NULL,               -- cleaned; what every later stage reads
    text_full VARCHAR,                   -- before quoted mail and signature were cut; null where nothing was cut
    html VARCHAR,                        -- as the source gave it, where it was HTML
    quoted_text VARCHAR,
    signature_text VARCHAR,
    repairs VARCHAR[] NOT NULL,          -- what cleaning did: html, mojibake, control, surrogates, nfc, quote, signature
    source_redaction VARCHAR NOT NULL,   -- none, partial, full: what the helpdesk had blacked out
    language VARCHAR,                    -- as the source states it
    reply_to VARCHAR,
    event_type VARCHAR,                  -- of events; the function's name for tool_call
    tool_call_id VARCHAR,
    custom VARCHAR NOT NULL,             -- JSON
    place VARCHAR NOT NULL
);
CREATE TABLE attachments (
    turn_key VARCHAR NOT NULL,
    conversation_key VARCHAR NOT NULL,
    ordinal INTEGER NOT NULL,
    file_name VARCHAR,
    media_type VARCHAR,
    bytes BIGINT,
    url VARCHAR,
    is_inline BOOLEAN NOT NULL,
    is_omitted BOOLEAN NOT NULL
);

-- curate ------------------------------------------------------------------------------------------------------------
-- What a stage has already looked at. A conversation is due again when its content or the stage's version changed.
CREATE TABLE processed (
    stage VARCHAR NOT NULL,              -- language, redaction, leaks, quality
    conversation_key VARCHAR NOT NULL,
    content_hash VARCHAR NOT NULL,
    version VARCHAR NOT NULL,            -- hash of the rules and code that decide the stage's result
    status VARCHAR NOT NULL,             -- ok, quarantine
    code VARCHAR,                        -- of a quarantine
    detail VARCHAR,
    run_id VARCHAR NOT NULL
);
CREATE TABLE findings (
    finding_id VARCHAR NOT NULL,         -- hash of turn, span, type and recognizer
    conversation_key VARCHAR NOT NULL,
    turn_key VARCHAR NOT NULL,
    start_char INTEGER NOT NULL,         -- half-open code points of turns.text
    end_char INTEGER NOT NULL,
    entity_type VARCHAR NOT NULL,
    score DOUBLE NOT NULL,
    recognizer VARCHAR NOT NULL,
    why VARCHAR NOT NULL,                -- JSON: pattern, context word, validation, rule
    run_id VARCHAR NOT NULL
);
CREATE TABLE decisions (                 -- append-only; the newest row on a subject holds
    decision_id VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,            -- finding, conversation
    subject_id VARCHAR NOT NULL,
    conversation_key VARCHAR NOT NULL,
    verdict VARCHAR NOT NULL,            -- finding: accept, reject; conversation: keep, drop, withdrawn
    note VARCHAR NOT NULL,
    decided_by VARCHAR NOT NULL,
    decided_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE surrogates (
    identity VARCHAR NOT NULL,           -- HMAC of the customer
    entity_type VARCHAR NOT NULL,
    value_hmac VARCHAR NOT NULL,
    surrogate VARCHAR NOT NULL,
    drawn_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE duplicates (                -- one row a member of a cluster, the keeper included
    conversation_key VARCHAR NOT NULL,
    cluster VARCHAR NOT NULL,            -- the smallest key of its members
    kind VARCHAR NOT NULL,               -- exact, near
    keeper VARCHAR NOT NULL,
    similarity DOUBLE NOT NULL,          -- true Jaccard with the keeper; 1.0 for the keeper itself
    run_id VARCHAR NOT NULL
);
CREATE TABLE signals (
    conversation_key VARCHAR NOT NULL,
    signal VARCHAR NOT NULL,             -- language, language_share, turns, words, ...
    value DOUBLE,
    label VARCHAR,
    run_id VARCHAR NOT NULL
);
CREATE TABLE outcomes (                  -- one row a conversation
    conversation_key VARCHAR NOT NULL,
    verdict VARCHAR NOT NULL,            -- keep, drop, quarantine
    stage VARCHAR NOT NULL,              -- ingest, language, duplicates, redaction, quality, or kept
    code VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,             -- a sentence for a support lead
    flags VARCHAR[] NOT NULL,            -- every rule that matched, whatever its action
    run_id VARCHAR NOT NULL
);
CREATE TABLE labels (
    conversation_key VARCHAR NOT NULL,
    turn_key VARCHAR,
    label VARCHAR NOT NULL,
    value VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    run_id VARCHAR NOT NULL
);

-- export ------------------------------------------------------------------------------------------------------------
CREATE TABLE datasets (
    dataset_id VARCHAR NOT NULL,         -- ds- and the start of the hash of its files
    folder VARCHAR NOT NULL,
    format VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    seed BIGINT NOT NULL,
    manifest VARCHAR NOT NULL,           -- JSON, as in the folder
    created_at TIMESTAMPTZ NOT NULL,
    run_id VARCHAR NOT NULL
);
CREATE TABLE dataset_items (
    dataset_id VARCHAR NOT NULL,
    conversation_key VARCHAR NOT NULL,
    content_hash VARCHAR NOT NULL,
    split VARCHAR NOT NULL,              -- train, validation, test, excluded
    line INTEGER,                        -- from 1; null when excluded
    group_id VARCHAR NOT NULL,           -- customers and clusters that must stay together
    tokens INTEGER,
    sha256 VARCHAR,                      -- of the line's bytes without its newline
    code VARCHAR,                        -- why it was excluded
    reason VARCHAR
);
CREATE TABLE jobs (
    job_id VARCHAR NOT NULL,
    provider VARCHAR NOT NULL,
    provider_job_id VARCHAR,
    dataset_id VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    request VARCHAR NOT NULL,
    result VARCHAR,
    created_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ
);
CREATE TABLE job_events (
    job_id VARCHAR NOT NULL,
    event_id VARCHAR NOT NULL,
    happened_at TIMESTAMPTZ NOT NULL,
    level VARCHAR NOT NULL,
    message VARCHAR NOT NULL,
    data VARCHAR
);
CREATE TABLE metrics (job_id VARCHAR NOT NULL, step BIGINT NOT NULL, name VARCHAR NOT NULL, value DOUBLE NOT NULL);
CREATE TABLE evaluations (
    evaluation_id VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    subject_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    result VARCHAR NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE ratings (
    evaluation_id VARCHAR NOT NULL,
    item_id VARCHAR NOT NULL,
    verdict VARCHAR NOT NULL,
    rated_by VARCHAR NOT NULL,
    rated_at TIMESTAMPTZ NOT NULL
);

-- everywhere --------------------------------------------------------------------------------------------------------
CREATE TABLE runs (
    run_id VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    status VARCHAR NOT NULL,             -- running, done, failed, interrupted
    started_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ,
    inputs VARCHAR NOT NULL,             -- JSON: what it read
    versions VARCHAR NOT NULL,           -- JSON: rules and code
    counts VARCHAR NOT NULL,             -- JSON
    position VARCHAR NOT NULL            -- JSON: how far it came, for the next one
);
CREATE TABLE history (
    happened_at TIMESTAMPTZ NOT NULL,
    actor VARCHAR NOT NULL,
    action VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    before VARCHAR,
    after VARCHAR
);

-- What may be read as speech; anything whose visibility is unknown stays inside.
CREATE VIEW public_turns AS
SELECT * FROM turns
WHERE visibility = 'public'
  AND kind IN ('message', 'tools', 'tool_call', 'tool_result')
  AND role IN ('customer', 'agent', 'bot') AND NOT is_deleted AND NOT is_draft
  AND text <> '';
