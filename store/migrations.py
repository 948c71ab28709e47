"""Bring a store's tables up to date: named steps, each in one transaction together with its own record."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files

from store.database import Store
from store.errors import StoreError


class NewerStore(StoreError):
    """Say that a newer chatmill wrote this store."""

    code = "STO-130"


@dataclass(frozen=True, slots=True)
class Migration:
    """One named step; names are never reused or changed."""

    name: str
    apply: Callable[[Store], None]


def _first_tables(store: Store) -> None:
    store.execute((files("store") / "schema.sql").read_text(encoding="utf-8"))


def _submissions(store: Store) -> None:
    store.execute((files("store") / "submissions.sql").read_text(encoding="utf-8"))


def _lines_of_turns(store: Store) -> None:
    # A line may be one answer of a conversation, without its oldest turns, and with something broken up.
    store.execute("ALTER TABLE dataset_items ADD COLUMN turn_key VARCHAR")
    store.execute("ALTER TABLE dataset_items ADD COLUMN cut_turns INTEGER")
    store.execute("ALTER TABLE dataset_items ADD COLUMN repairs VARCHAR[]")


def _repeats(store: Store) -> None:
    """Keep the answers, and the questions with their answers, that recur over conversations; a row an answer."""
    store.execute("""
        CREATE TABLE repeats (
            conversation_key VARCHAR NOT NULL,
            turn_key VARCHAR NOT NULL,   -- the answer
            kind VARCHAR NOT NULL,       -- macro: the answer recurs; exchange: the question before it recurs with it
            cluster VARCHAR NOT NULL,    -- the keeper: the turn_key of one answer in the commonest wording
            similarity DOUBLE NOT NULL,  -- true Jaccard with the keeper, names, numbers and placeholders aside
            run_id VARCHAR NOT NULL
        )
    """)


def _role_confidence(store: Store) -> None:
    # How sure a participant's role is, from 0 to 1. DuckDB fills no column in the transaction that adds it.
    store.execute("ALTER TABLE participants ADD COLUMN role_confidence DOUBLE")


def _meaning_kept(store: Store) -> None:
    """Bring what older versions stored into the closed lists: confidences, names of automation, CSAT from 0 to 1."""
    store.execute("""
        UPDATE participants SET role_confidence = CASE
            WHEN role = 'unknown' THEN 0 WHEN role_source = 'inferred' THEN 0.5 WHEN role_source = 'direction' THEN 0.9
            ELSE 1 END
    """)
    store.execute("""
        UPDATE turns SET automation = CASE WHEN automation = 'bounce' THEN 'autoreply' ELSE 'workflow' END
        WHERE automation IN ('rule', 'bounce', 'calendar', 'notification', 'bulk', 'prompt')
    """)
    # Only Intercom's ratings and Zendesk's words stood apart; a table's number whose scale nobody knows goes aside.
    store.execute("""
        UPDATE conversations SET csat_score = CASE csat_scale
            WHEN '1-5' THEN (csat_score - 1) / 4 WHEN 'good/bad' THEN CASE csat_label WHEN 'good' THEN 1 ELSE 0 END END,
            custom = CASE WHEN csat_scale IS NULL OR csat_scale = '1-5'
                          THEN json_merge_patch(custom, json_object('csat_original', csat_score)) ELSE custom END
        WHERE csat_scale = 'good/bad' OR (csat_score IS NOT NULL AND coalesce(csat_scale, '1-5') = '1-5')
    """)


def _service(store: Store) -> None:
    store.execute((files("store") / "service.sql").read_text(encoding="utf-8"))


def _review(store: Store) -> None:
    store.execute((files("store") / "review.sql").read_text(encoding="utf-8"))


def _misses(store: Store) -> None:
    """Keep what readers of a blind sample marked; a rating of the same moment and reader says how many there are."""
    store.execute("""
        CREATE TABLE misses (
            evaluation_id VARCHAR NOT NULL,
            turn_key VARCHAR NOT NULL,
            start_char INTEGER NOT NULL,    -- half-open code points of turns.text
            end_char INTEGER NOT NULL,
            entity_type VARCHAR NOT NULL,
            marked_by VARCHAR NOT NULL,
            marked_at TIMESTAMPTZ NOT NULL
        )
    """)


def _sign_offs(store: Store) -> None:
    """Keep who signed which dataset version; append-only, the newest row on a dataset holds."""
    store.execute("""
        CREATE TABLE sign_offs (
            sign_off_id VARCHAR NOT NULL,
            dataset_id VARCHAR NOT NULL,
            verdict VARCHAR NOT NULL,       -- signed, withdrawn
            signed_by VARCHAR NOT NULL,
            signed_at TIMESTAMPTZ NOT NULL,
            note VARCHAR NOT NULL,
            checklist VARCHAR NOT NULL,     -- JSON: what was checked, and what came of it
            hashes VARCHAR NOT NULL         -- JSON: SHA-256 of every file of the version, by name
        )
    """)


def _pulls(store: Store) -> None:
    store.execute((files("store") / "pulls.sql").read_text(encoding="utf-8"))


def _versions(store: Store) -> None:
    """Keep where each superseded version of a conversation stood, so that lines made of it can still be explained."""
    store.execute("""
        CREATE TABLE versions (             -- no text: only the newest version's is kept
            conversation_key VARCHAR NOT NULL,
            content_hash VARCHAR NOT NULL,
            updated_at TIMESTAMPTZ,
            completeness VARCHAR NOT NULL,
            source_uri VARCHAR NOT NULL,
            place VARCHAR NOT NULL,
            batch_id VARCHAR NOT NULL,
            superseded_by VARCHAR NOT NULL, -- the batch that brought the next version
            superseded_at TIMESTAMPTZ NOT NULL
        )
    """)


def _moderations(store: Store) -> None:
    """Keep what moderation said of a text, under the text's hash, so that it is asked about once."""
    store.execute("""
        CREATE TABLE moderations (
            text_sha256 VARCHAR NOT NULL,
            judge VARCHAR NOT NULL,         -- who said so, with the version
            categories VARCHAR[] NOT NULL   -- empty: nothing stands out
        )
    """)


def _answers(store: Store) -> None:
    store.execute((files("store") / "evaluations.sql").read_text(encoding="utf-8"))


def _pairs(store: Store) -> None:
    # A line may be a preference pair: the turn of the answer that lost, and whether it was a draft or badly rated.
    store.execute("ALTER TABLE dataset_items ADD COLUMN other_key VARCHAR")
    store.execute("ALTER TABLE dataset_items ADD COLUMN pair_source VARCHAR")


def _keys(store: Store) -> None:
    """Find one conversation among a million: what people open one by one has an index, and pages are quick.

    A table with an index takes no new column (DuckDB 1.5): drop the index before, and make it again.
    """
    store.execute("CREATE INDEX conversations_by_key ON conversations (conversation_key)")
    store.execute("CREATE INDEX turns_by_conversation ON turns (conversation_key)")
    store.execute("CREATE INDEX decisions_by_conversation ON decisions (conversation_key)")
    store.execute("CREATE INDEX findings_by_id ON findings (finding_id)")
    # As public_turns. An index is used by a scan that has no other filter; the view's own would stand beside it.
    store.execute("""
        CREATE MACRO public_turns_of(wanted) AS TABLE
        WITH own AS MATERIALIZED (SELECT * FROM turns WHERE conversation_key = wanted)
        SELECT * FROM own
        WHERE visibility = 'public' AND kind IN ('message', 'tools', 'tool_call', 'tool_result')
          AND role IN ('customer', 'agent', 'bot') AND NOT is_deleted AND NOT is_draft AND text <> ''
    """)


def _turn_rows(store: Store) -> None:
    """Show where a turn stands, so that a page of them is read without looking at all."""
    store.execute("""
        CREATE OR REPLACE VIEW public_turns AS
        SELECT *, rowid AS turn_row FROM turns
        WHERE visibility = 'public'
          AND kind IN ('message', 'tools', 'tool_call', 'tool_result')
          AND role IN ('customer', 'agent', 'bot') AND NOT is_deleted AND NOT is_draft
          AND strlen(text) > 0  -- text <> '' would be looked for while scanning, and takes longer than all the rest
    """)


def _signal_counts(store: Store) -> None:
    """Keep how many conversations have which value of a signal, so that another threshold's effect is looked up."""
    store.execute("""
        CREATE TABLE signal_counts (        -- made of signals and outcomes after each curation
            signal VARCHAR NOT NULL,
            step DOUBLE NOT NULL,           -- the thousandth at or below the value
            is_exact BOOLEAN NOT NULL,      -- the value is that thousandth; else it lies between it and the next
            standing VARCHAR NOT NULL,      -- keep, only CODE (the one rule that drops it), or nothing
            conversations BIGINT NOT NULL
        )
    """)


MIGRATIONS = (
    Migration("0001_first_tables", _first_tables),
    Migration("0020_submissions", _submissions),
    Migration("0040_lines_of_turns", _lines_of_turns),
    Migration("0050_repeats", _repeats),
    Migration("0060_role_confidence", _role_confidence),
    Migration("0061_meaning_kept", _meaning_kept),
    Migration("0070_pulls", _pulls),
    Migration("0071_versions", _versions),
    Migration("0080_service", _service),
    Migration("0085_review", _review),
    Migration("0090_misses", _misses),
    Migration("0091_sign_offs", _sign_offs),
    Migration("0100_moderations", _moderations),
    Migration("0110_answers", _answers),
    Migration("0120_pairs", _pairs),
    Migration("0130_keys", _keys),
    Migration("0131_signal_counts", _signal_counts),
    Migration("0140_turn_rows", _turn_rows),
)


def migrate(store: Store) -> list[str]:
    """Apply what is pending and name it.

    Raises:
        NewerStore: the store has steps this chatmill does not know.
    """
    store.execute("CREATE TABLE IF NOT EXISTS migrations (name VARCHAR NOT NULL, applied_at TIMESTAMPTZ NOT NULL)")
    applied = {name for (name,) in store.rows("SELECT name FROM migrations")}
    if newer := applied - {migration.name for migration in MIGRATIONS}:
        raise NewerStore(
            f"The store was written by a newer chatmill (it knows {', '.join(sorted(newer))}).",
            hint="Upgrade: pip install --upgrade chatmill.",
        )
    pending = [migration for migration in MIGRATIONS if migration.name not in applied]
    for migration in pending:
        with store.transaction():
            migration.apply(store)
            store.execute("INSERT INTO migrations VALUES (?, now())", [migration.name])
    return [migration.name for migration in pending]
