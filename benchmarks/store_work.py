"""What people did in the measured store beside review: an audit, a dataset version, jobs, lists."""

import tempfile
from pathlib import Path

import orjson

from curate.evaluation.recording import record, redaction_version
from curate.pipeline import curate_workspace
from curate.redact.policy import load_policy
from export.dataset import build_dataset
from ingest.exports import ingest_exports
from store.database import Store
from store.workspace import Workspace

SAMPLES = Path(__file__).resolve().parents[1] / "sample_logs" / "intercom"
DRAWN = 200
LINES = 700_000
VERSIONS = 10
STEPS = 2000

ITEMS = """
INSERT INTO dataset_items BY NAME
SELECT ? AS dataset_id, c.conversation_key, c.content_hash, if(c.i % 10 = 0, 'test', 'train') AS split, c.i AS line,
       c.conversation_key AS group_id, 400 AS tokens, md5('line ' || c.i) AS sha256
FROM (SELECT conversation_key, content_hash, row_number() OVER (ORDER BY conversation_key)::INTEGER AS i
      FROM conversations SEMI JOIN (SELECT conversation_key FROM outcomes WHERE verdict = 'keep')
           USING (conversation_key)) AS c
WHERE c.i <= ?
"""
JOB = """
INSERT INTO jobs BY NAME
SELECT ? AS job_id, 'openai' AS provider, 'ftjob-1' AS provider_job_id, ? AS dataset_id, 'gpt-4.1-mini' AS model,
       'succeeded' AS status, '{}' AS request, now() AS created_at, now() AS finished_at
"""
METRICS = """
INSERT INTO metrics
SELECT ?, s, name, 2.0 / (1 + s / 100) FROM range(1, ?) AS r(s), (VALUES ('train_loss'), ('valid_loss')) AS n(name)
"""


def add_work(workspace: Workspace, store: Store) -> None:
    """Add an audit that is half read, dataset versions of which one is large, a finished job, and list entries."""
    _add_audit(workspace, store)
    dataset_id = _add_datasets(workspace, store)
    store.execute(ITEMS, [dataset_id, LINES])
    store.execute(JOB, ["job-1", dataset_id])
    store.execute(METRICS, ["job-1", STEPS])
    store.execute(
        "INSERT INTO terms SELECT md5('term ' || i), 'word' || i, 'Word' || i, if(i % 2 = 0, 'allow', 'deny'), "
        "if(i % 2 = 0, '', 'PERSON'), '', 'Ann', now() FROM range(400) AS r(i)"
    )


def _add_audit(workspace: Workspace, store: Store) -> None:
    drawn = store.rows(
        "SELECT turn_key, conversation_key FROM turns SEMI JOIN (SELECT conversation_key FROM outcomes "
        "WHERE verdict = 'keep') USING (conversation_key) ORDER BY turn_key LIMIT ?",
        [DRAWN],
    )
    version = redaction_version(workspace, load_policy(workspace.root))
    strata = [
        {"name": name, "turns": 4_000_000, "found": 3_000_000, "types": {"PERSON": 2_000_000},
         "drawn": [turn for turn, _ in mine], "conversations": [key for _, key in mine]}
        for name, mine in (("with findings", drawn[: DRAWN // 2]), ("without findings", drawn[DRAWN // 2 :]))
    ]  # fmt: skip
    kinds = [{"what": "e-mail addresses", "found": 99, "planted": 100}]
    record(store, "canaries", version, {"seed": 1, "kinds": kinds})
    record(store, "blind_sample", version, {"seed": 1, "strata": strata})
    store.execute(
        "INSERT INTO ratings SELECT (SELECT evaluation_id FROM evaluations WHERE kind = 'blind_sample'), key, '0', "
        "'Ann', now() FROM (SELECT unnest(?) AS key)",
        [[turn for turn, _ in drawn[::2]]],
    )


def _add_datasets(workspace: Workspace, store: Store) -> str:
    """Build a small dataset of sample logs, bring it here, and list it several times; give its id."""
    with tempfile.TemporaryDirectory() as folder:
        small = Workspace.create(Path(folder) / "small")
        with small.open() as other:
            ingest_exports(small, other, [SAMPLES])
            curate_workspace(small, other, workers=1)
            dataset = build_dataset(small, other)
            rows = other.frame("SELECT * FROM datasets")
        workspace.datasets.mkdir(exist_ok=True)
        dataset.folder.rename(workspace.datasets / dataset.folder.name)
    document = orjson.dumps(dict(dataset.manifest)).decode()
    store.append("datasets", rows)
    for number in range(VERSIONS):
        store.execute(
            "INSERT INTO datasets SELECT ?, folder, format, model, seed, ?, created_at - to_days(?), run_id "
            "FROM datasets WHERE dataset_id = ?",
            [f"ds-{number:012}", document, number + 1, dataset.dataset_id],
        )
    return dataset.dataset_id
