-- What models said in a comparison (export/evaluate): each answer as it came, so that nothing is asked twice.
CREATE TABLE answers (
    evaluation_id VARCHAR NOT NULL,
    item_id VARCHAR NOT NULL,            -- test:12 (split and line), probe:..., swap:...
    speaker VARCHAR NOT NULL,            -- base, tuned, judge:base-first, judge:tuned-first
    text VARCHAR NOT NULL,
    reply VARCHAR NOT NULL,              -- JSON: calls of tools, seconds, tokens, why it ended
    problem VARCHAR NOT NULL             -- empty, or what the endpoint said instead
);
