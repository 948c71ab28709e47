-- What review keeps. A decision on findings is one row of `acts` and a row of `decisions` for each finding, all under
-- one decision_id; `marks` and `terms` are append-only like them, and the newest row holds. `finding_values`,
-- `review_queue` and `patterns` are made of the other tables and can be made again at any time.

CREATE TABLE acts (                      -- what a person did in review, one row however many findings it was about
    decision_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,               -- accept, reject, retype, add, rest, everywhere, pattern, never, always, unlist, flag, unflag, undo
    verdict VARCHAR NOT NULL,            -- accept, reject or nothing
    conversation_key VARCHAR,            -- where it was done; null for patterns and lists
    external_id VARCHAR NOT NULL,        -- of that conversation
    subject_id VARCHAR NOT NULL,         -- the finding, pattern, conversation or undone decision
    entity_type VARCHAR NOT NULL,
    filter VARCHAR NOT NULL,             -- JSON: which findings it was about; never a value
    findings BIGINT NOT NULL,
    conversations BIGINT NOT NULL,
    decided_by VARCHAR NOT NULL,
    decided_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE marks (                     -- spans that people added; redaction puts them among its findings
    decision_id VARCHAR NOT NULL,
    finding_id VARCHAR NOT NULL,
    conversation_key VARCHAR NOT NULL,
    turn_key VARCHAR NOT NULL,
    start_char INTEGER NOT NULL,         -- half-open code points of turns.text
    end_char INTEGER NOT NULL,
    entity_type VARCHAR NOT NULL,
    text_sha256 VARCHAR NOT NULL,        -- of the turn's text: a mark on a text that has changed holds no more
    is_added BOOLEAN NOT NULL,           -- false: taken back
    decided_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE terms (                     -- the workspace's own allow and deny lists
    decision_id VARCHAR NOT NULL,
    normal VARCHAR NOT NULL,             -- the value as values are compared
    value VARCHAR NOT NULL,              -- as it was written
    list VARCHAR NOT NULL,               -- allow, deny, none (taken off)
    entity_type VARCHAR NOT NULL,        -- what a denied value is; empty for allowed ones, which are of any type
    batch_id VARCHAR NOT NULL,           -- the batch it holds for; empty: the whole workspace
    decided_by VARCHAR NOT NULL,
    decided_at TIMESTAMPTZ NOT NULL
);
CREATE VIEW listed_terms AS
SELECT normal, batch_id, arg_max(list, (decided_at, decision_id)) AS list,
       arg_max(entity_type, (decided_at, decision_id)) AS entity_type,
       arg_max(value, (decided_at, decision_id)) AS value,
       arg_max(decided_by, (decided_at, decision_id)) AS decided_by, max(decided_at) AS decided_at
FROM terms GROUP BY normal, batch_id HAVING arg_max(list, (decided_at, decision_id)) <> 'none';

CREATE TABLE finding_values (            -- what a finding's text is, in the forms by which findings are grouped
    finding_id VARCHAR NOT NULL,
    conversation_key VARCHAR NOT NULL,
    entity_type VARCHAR NOT NULL,
    score DOUBLE NOT NULL,
    normal VARCHAR NOT NULL,             -- the same for all spellings of a value
    shape VARCHAR NOT NULL,              -- ORD-######; empty where only the value itself says something
    run_id VARCHAR NOT NULL
);
CREATE TABLE review_queue (              -- conversations with findings, kept or held back for a leak
    conversation_key VARCHAR NOT NULL,
    external_id VARCHAR NOT NULL,
    connector VARCHAR NOT NULL,
    batch_id VARCHAR NOT NULL,
    risk DOUBLE NOT NULL,
    findings INTEGER NOT NULL,
    undecided INTEGER NOT NULL,
    entity_types VARCHAR[] NOT NULL,
    state VARCHAR NOT NULL               -- open, done, flagged
);
CREATE TABLE patterns (
    pattern_id VARCHAR NOT NULL,         -- a keyed hash, so that a link gives nothing away
    kind VARCHAR NOT NULL,               -- value, shape
    entity_type VARCHAR NOT NULL,
    pattern VARCHAR NOT NULL,            -- the normal value or the shape
    findings BIGINT NOT NULL,
    conversations BIGINT NOT NULL,
    undecided BIGINT NOT NULL,
    accepted BIGINT NOT NULL,
    rejected BIGINT NOT NULL,
    lowest DOUBLE NOT NULL,              -- scores
    highest DOUBLE NOT NULL
);
CREATE TABLE reservations (              -- who looks at which conversation just now
    conversation_key VARCHAR NOT NULL,
    person VARCHAR NOT NULL,
    until TIMESTAMPTZ NOT NULL
);
CREATE TABLE pattern_examples (          -- a sample of each pattern, with the words around
    pattern_id VARCHAR NOT NULL,
    place INTEGER NOT NULL,              -- from 1
    finding_id VARCHAR NOT NULL,
    conversation_key VARCHAR NOT NULL,
    role VARCHAR NOT NULL,
    score DOUBLE NOT NULL,
    before VARCHAR NOT NULL,
    value VARCHAR NOT NULL,
    after VARCHAR NOT NULL
);
