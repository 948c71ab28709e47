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


MIGRATIONS = (
    Migration("0001_first_tables", _first_tables),
    Migration("0020_submissions", _submissions),
    Migration("0040_lines_of_turns", _lines_of_turns),
    Migration("0050_repeats", _repeats),
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
