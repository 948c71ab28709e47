"""The tables of the measured store, as queries over numbered conversations; `mine` stands for these (i, key)."""

from collections.abc import Sequence

import polars as pl

from curate.quality.rules import Rule

REVIEWED = 1
"""Of ten conversations so many have been decided on."""

FIRST = """
Ada Ben Cleo Dan Edda Finn Gita Hugo Ines Jon Kira Leon Mona
Nils Olga Paul Quin Rosa Sven Tara Ulla Vito Wanda Xenia Yann Zoe
"""
LAST = """
Abbott Becker Castell Dunmore Eklund Falk Grove Hartley Ibsen Jansen Keller Lund Marsh
Norling Osborne Pryce Quill Rendell Stroud Thorne Usher Vance Wexley Yates Zeller
"""
ASKED = (
    "The parcel was due last week and the tracking page has not changed since.",
    "I was charged twice for the same month and would like one payment back.",
    "The app closes as soon as I open the settings, on two phones.",
    "Can I change the delivery date to a day on which somebody is at home?",
    "The kettle arrived with a broken lid, and the box was fine.",
    "I cannot sign in any more: the page says that the link has ended.",
    "Does the voucher hold for spare parts as well, or for new things alone?",
    "The invoice names the wrong company, and our accounts will not take it.",
)
SAID = (
    "Thank you for writing. I have looked at it and asked the warehouse to trace it today.",
    "I am sorry about that. The second charge goes back within five working days.",
    "Please update the app to the newest version and restart the phone; that has mended it for others.",
    "You can choose another day on the page of your delivery until the evening before.",
    "We will send a new lid free of charge, and you need not return the old one.",
    "I have sent a new link; it holds for an hour. Tell me when you are in.",
    "The voucher holds for everything in the shop but gift cards.",
    "I have corrected the invoice and sent it to the address that we have on file.",
)
START = "TIMESTAMPTZ '2025-11-01 00:00:00+00' + to_seconds(i * 30)"
"""When a conversation begins: one every half minute."""
NAME = "names.first[1 + (hash(i) % 26)::INTEGER] || ' ' || names.last[1 + (hash(i, 1) % 25)::INTEGER]"
MAIL = "lower(names.first[1 + (hash(i) % 26)::INTEGER]) || '.' || (hash(i, 2) % 100000) || '@example.com'"
ORDER = "'ORD-' || lpad((hash(i, 3) % 1000000)::VARCHAR, 6, '0')"
CONTENT = "md5('content ' || i)"
TURN = "md5('turn ' || i || ' ' || p)"
LANGUAGE = "if(hash(i, 4) % 25 = 0, 'fr', 'en')"
BODY = (
    "if(p % 2 = 0, names.asked[1 + (hash(i, p) % 8)::INTEGER], names.said[1 + (hash(i, p) % 8)::INTEGER]) || "
    "' It is about number ' || (hash(i, p, 1) % 1000) || ' of the list.'"
)
TEXT = f"""
CASE p WHEN 0 THEN 'Hi, this is ' || {NAME} || '. ' WHEN 1 THEN 'Hello ' || {NAME} || ', '
       WHEN 2 THEN 'It is order ' || {ORDER} || '. ' WHEN 4 THEN 'Write to ' || {MAIL} || '. ' ELSE '' END || {BODY}
"""
# A finding is (turn, where its value begins, type, value, score, recognizer, why, shape).
FOUND = f"""
FROM mine, names, (VALUES (0, 12, 'PERSON'), (1, 6, 'PERSON'), (2, 12, 'ORDER_ID'), (4, 9, 'EMAIL_ADDRESS'))
     AS places(p, start, kind),
LATERAL (SELECT CASE kind WHEN 'PERSON' THEN {NAME} WHEN 'ORDER_ID' THEN {ORDER} ELSE {MAIL} END AS found)
"""
FINDING = "md5('finding ' || i || ' ' || p)"
SCORE = "CASE kind WHEN 'PERSON' THEN round(0.2 + (hash(i, p, 2) % 80) / 100, 2) WHEN 'ORDER_ID' THEN 0.8 ELSE 1.0 END"

TABLES = {
    "batches": f"""
SELECT md5('batch ' || i) AS batch_id, 'zendesk' AS connector, 2 AS connector_version,
       'exports/part-' || (i // 100000) || '.json' AS source_uri, md5('file ' || i) AS file_sha256,
       200000000 AS file_bytes, '{{}}' AS options, 'done' AS status, {START} AS started_at, {START} AS finished_at,
       100000 AS records, 100000 AS conversations, 800000 AS turns, 20 AS rejects, 0 AS superseded,
       md5('run ' || i) AS run_id
FROM mine WHERE i % 100000 = 0
""",
    "conversations": f"""
SELECT conversation_key, 'zendesk' AS connector, 'acme' AS account, (500000 + i)::VARCHAR AS external_id,
       'About number ' || (hash(i, 5) % 1000) AS subject, if(i % 3 = 0, 'chat', 'email') AS channel, 'solved' AS status,
       {START} AS created_at, {START} + INTERVAL 1 HOUR AS updated_at, ['orders'] AS tags,
       if(i % 5 = 0, (i % 10 = 0)::DOUBLE, NULL) AS csat_score, 'human' AS handled_by, 'complete' AS completeness,
       FALSE AS is_test, '{{}}' AS custom, 'exports/part-' || (i // 100000) || '.json' AS source_uri,
       'record ' || i AS place, {CONTENT} AS content_hash, md5('batch ' || (i // 100000) * 100000) AS batch_id
FROM mine ORDER BY i
""",
    "participants": f"""
SELECT conversation_key, md5('person ' || (hash(i, 6) % 400000) || role) AS participant_key, role,
       'explicit' AS role_source,
       if(role = 'customer', {NAME}, 'Support') AS display_name, if(role = 'customer', {MAIL}, NULL) AS email,
       FALSE AS is_deleted, 1.0 AS role_confidence
FROM mine, names, (VALUES ('customer'), ('agent')) AS roles(role) ORDER BY i
""",
    "turns": f"""
SELECT {TURN} AS turn_key, conversation_key, (i * 8 + p)::VARCHAR AS external_id, p::INTEGER AS position,
       'message' AS kind, 'public' AS visibility, if(p % 2 = 0, 'customer', 'agent') AS role, FALSE AS is_automated,
       {START} + to_minutes(p) AS created_at, 'explicit' AS tz_source, FALSE AS is_deleted, FALSE AS is_draft,
       {TEXT} AS text, [] AS repairs, 'none' AS source_redaction, '{{}}' AS custom,
       'record ' || i || ' turn ' || p AS place
FROM mine, names, range(8) AS turn(p) ORDER BY i, p
""",
    "attachments": """
SELECT md5('turn ' || i || ' 0') AS turn_key, conversation_key, 0 AS ordinal, 'photo.jpg' AS file_name,
       'image/jpeg' AS media_type, 100000 AS bytes, FALSE AS is_inline, TRUE AS is_omitted
FROM mine WHERE i % 50 = 0
""",
    "rejects": """
SELECT md5('batch ' || (i // 100000) * 100000) AS batch_id, 'exports/part.json' AS source_uri, 'record ' || i AS place,
       'bad_record' AS code, 'A number stands where a record should.' AS detail, '17' AS raw
FROM mine WHERE i % 5000 = 0
""",
    "findings": f"""
SELECT {FINDING} AS finding_id, conversation_key, {TURN} AS turn_key, start AS start_char,
       (start + length(found))::INTEGER AS end_char, kind AS entity_type, {SCORE} AS score,
       CASE kind WHEN 'PERSON' THEN 'NameModel' WHEN 'ORDER_ID' THEN 'order' ELSE 'EmailRecognizer' END AS recognizer,
       '{{"pattern": "name model"}}' AS why, 'redaction' AS run_id
{FOUND} ORDER BY conversation_key, p
""",
    "finding_values": f"""
SELECT {FINDING} AS finding_id, conversation_key, kind AS entity_type, {SCORE} AS score,
       if(kind = 'ORDER_ID', replace(lower(found), '-', ' '), lower(found)) AS normal,
       CASE kind WHEN 'ORDER_ID' THEN 'ORD-######' WHEN 'PERSON' THEN '' ELSE '*@example.com' END AS shape,
       'redaction' AS run_id
{FOUND} ORDER BY conversation_key, p
""",
    "signals": f"""
SELECT conversation_key, signal,
       if(hash(i, signal) % 1000 < often, beyond, low + (hash(i, signal, 1) % 10000) / 10000 * (high - low)) AS value,
       NULL::VARCHAR AS label, 'quality' AS run_id
FROM mine, rules
UNION ALL SELECT conversation_key, 'language', 0.9, {LANGUAGE}, 'language' FROM mine
UNION ALL SELECT conversation_key, 'language_source', 1.0, 'customer', 'language' FROM mine
ORDER BY conversation_key
""",
    "labels": """
SELECT conversation_key, NULL AS turn_key, label, value, 'words' AS source, 'labels' AS run_id
FROM mine, LATERAL (VALUES ('topic', ['order', 'billing', 'login', 'other'][1 + (hash(i, 8) % 4)::INTEGER]),
     ('outcome', if(i % 4 = 0, 'unresolved', 'resolved')), ('length', 'medium')) AS said(label, value)
ORDER BY conversation_key
""",
    "processed": f"""
SELECT stage, conversation_key, {CONTENT} AS content_hash, '1' AS version,
       if(stage = 'leaks' AND hash(i, 9) % 100 = 0, 'quarantine', 'ok') AS status,
       if(stage = 'leaks' AND hash(i, 9) % 100 = 0, 'redaction.leak', NULL) AS code, stage AS run_id
FROM mine, (VALUES ('language'), ('redaction'), ('leaks'), ('quality'), ('labels')) AS stages(stage)
ORDER BY stage, conversation_key
""",
    "duplicates": """
SELECT conversation_key, md5('conversation ' || (i - i % 20)) AS cluster, 'near' AS kind,
       md5('conversation ' || (i - i % 20)) AS keeper, if(i % 20 = 0, 1.0, 0.85) AS similarity, 'duplicates' AS run_id
FROM mine WHERE i % 20 < 2 ORDER BY conversation_key
""",
    "repeats": """
SELECT conversation_key, md5('turn ' || i || ' 1') AS turn_key, 'macro' AS kind,
       md5('turn ' || i % 100 || ' 1') AS cluster, 0.95 AS similarity, 'repeats' AS run_id
FROM mine WHERE i % 10 = 0
""",
    "decisions": f"""
SELECT md5('decision ' || i) AS decision_id, 'finding' AS subject, {FINDING} AS subject_id, conversation_key,
       if(hash(i, p) % 5 = 0, 'reject', 'accept') AS verdict, '' AS note,
       if(i % 3 = 0, 'Ann', 'Bo') AS decided_by, TIMESTAMPTZ '2026-10-01 00:00:00+00' + to_seconds(i) AS decided_at
FROM mine, (VALUES (0), (1), (2), (4)) AS places(p) ORDER BY i
""",
    "acts": """
SELECT md5('decision ' || i) AS decision_id, 'rest' AS kind, 'accept' AS verdict, conversation_key,
       (500000 + i)::VARCHAR AS external_id, conversation_key AS subject_id, '' AS entity_type, '{}' AS filter,
       4 AS findings, 1 AS conversations, if(i % 3 = 0, 'Ann', 'Bo') AS decided_by,
       TIMESTAMPTZ '2026-10-01 00:00:00+00' + to_seconds(i) AS decided_at
FROM mine ORDER BY i
""",
    "history": """
SELECT TIMESTAMPTZ '2026-10-01 00:00:00+00' + to_seconds(i) AS happened_at, if(i % 3 = 0, 'Ann', 'Bo') AS actor,
       action, conversation_key AS subject,
       if(action = 'review.rest', '{"findings":4}', '{"where":"review"}') AS after
FROM mine, (VALUES ('originals.reveal'), ('review.rest')) AS actions(action) ORDER BY i
""",
    "surrogates": f"""
SELECT md5('identity ' || i) AS identity, 'PERSON' AS entity_type, md5('value ' || i) AS value_hmac,
       {NAME} AS surrogate, {START} AS drawn_at
FROM mine, names
""",
}


def names() -> pl.DataFrame:
    """Give the words that texts are made of, as one row of lists."""
    return pl.DataFrame(
        {"first": [FIRST.split()], "last": [LAST.split()], "asked": [list(ASKED)], "said": [list(SAID)]}
    )


def rule_values(rules: Sequence[Rule]) -> pl.DataFrame:
    """Give for every signal where its values lie, and how many in a thousand lie beyond the rule's limit."""
    rows: dict[str, tuple[str, float, float, float, int]] = {}
    for rule in rules:
        if rule.action == "weight":
            continue
        least, most = rule.threshold.min, rule.threshold.max
        # A most of 0 is about something that is hardly ever there; the signal of a tie is its first rule's.
        low = least if least is not None else 0.0
        high = most if most is not None else low + 40
        beyond = low / 2 if most is None else most * 1.2 + (1 if most in (0.0, 2.0) else 0)
        rows.setdefault(rule.signal, (rule.signal, low, high, beyond, 4))
    schema = {"signal": pl.String, "low": pl.Float64, "high": pl.Float64, "beyond": pl.Float64, "often": pl.Int32}
    return pl.DataFrame(list(rows.values()), schema=schema, orient="row")
