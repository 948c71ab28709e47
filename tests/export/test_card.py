"""The data card: the same numbers as Markdown and as a page, what people fill in, and the recall that was measured."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import orjson
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.card_parts import Bullets, Card, Chart, Code, Section, Table, Text, markdown, page, pictures
from export.catalog import Dataset
from export.composition import TOKENS_FROM, spread
from export.dataset import build_dataset
from store.database import Store
from store.settings import CardSettings
from store.workspace import Workspace
from tests.export.builders import add_curated, many, plain_turns


def build(workspace: Workspace, store: Store) -> Dataset:
    return build_dataset(workspace, store, redacted=plain_turns)


def with_card(workspace: Workspace, **fields: str) -> Workspace:
    return replace(workspace, settings=replace(workspace.settings, card=CardSettings(**fields)))


def audited(store: Store, kind: str = "EMAIL_ADDRESS") -> None:
    figures = {"type": kind, "what": "e-mail addresses", "planted": 200, "found": 199, "recall": 0.995}
    result = orjson.dumps({"kinds": [{**figures, "interval": [0.9722, 0.9991]}]}).decode()
    store.execute("INSERT INTO evaluations VALUES ('e1', 'workspace', 'w', 'canaries', ?, now())", [result])


def test_the_page_and_the_readme_hold_the_same_numbers_and_nothing_from_elsewhere(
    workspace: Workspace, store: Store
) -> None:
    add_curated(store, many(30))
    dataset = build(workspace, store)
    readme, html = dataset.card.read_text(), (dataset.folder / "card.html").read_text()
    numbers = set(re.findall(r"\b\d[\d,]*\b", readme))
    assert numbers <= set(re.findall(r"\b\d[\d,]*\b", html))
    assert "http" not in html.replace("http-equiv", "")
    assert "<script" not in html
    shown = re.findall(r"\]\((\w+\.svg)\)", readme)
    assert {"splits.svg", "tokens.svg", "turns.svg", "funnel.svg"} <= set(shown)
    assert sorted(shown) == sorted(path.name for path in dataset.folder.glob("*.svg"))
    assert html.count("<svg") == len(shown)


def test_what_nobody_filled_in_is_said_and_what_they_did_is_shown_without_new_lines_of_data(
    workspace: Workspace, store: Store
) -> None:
    add_curated(store, many(20))
    first = build(workspace, store)
    assert first.card.read_text().count("not filled in:") == 6
    stamp = first.path("train").stat().st_mtime_ns
    second = build(with_card(workspace, licence="Ours | <b>only</b>", contact="Privacy office"), store)
    assert (second.dataset_id, second.path("train").stat().st_mtime_ns) == (first.dataset_id, stamp)
    readme, html = second.card.read_text(), (second.folder / "card.html").read_text()
    assert r"| Licence | Ours \| <b>only</b> |" in readme
    assert "Ours | &lt;b&gt;only&lt;/b&gt;" in html
    assert readme.count("not filled in:") == 4
    assert orjson.loads((second.folder / "manifest.json").read_bytes()) == second.manifest
    kept: str = store.value("SELECT manifest FROM datasets")
    assert orjson.loads(kept) == second.manifest


def test_measured_recall_stands_beside_what_was_found(workspace: Workspace, store: Store) -> None:
    add_curated(store, many(20))
    found = pl.DataFrame([{"conversation_key": "c00001", "turn_key": "c00001-0", "entity_type": "EMAIL_ADDRESS"}])
    store.append("findings", found.with_columns(**FINDING))
    assert "has not been measured" in build(workspace, store).card.read_text()
    audited(store)
    card = build(workspace, store).card.read_text()
    assert "| EMAIL_ADDRESS | 1 | 99.5 % (97 % to 99.9 %, of 200) |" in card
    assert "has not been measured" not in card


FINDING: dict[str, Any] = {
    "finding_id": pl.lit("f1"),
    "start_char": pl.lit(0),
    "end_char": pl.lit(2),
    "score": pl.lit(0.9),
    "recognizer": pl.lit("EmailRecognizer"),
    "why": pl.lit("{}"),
    "run_id": pl.lit("r1"),
}


def test_what_a_dataset_is_made_of_is_counted_from_its_conversations(workspace: Workspace, store: Store) -> None:
    add_curated(store, many(20))
    told = build(workspace, store).manifest
    for one in told["composition"]:
        assert sum(row["conversations"] for row in one["rows"]) == told["conversations"]
    for name, of in (("turns_in_a_conversation", told["conversations"]), ("tokens_in_a_line", 20)):
        assert sum(bucket["count"] for bucket in told[name]["buckets"]) == of


@given(sizes=st.lists(st.integers(0, 200_000), max_size=60))
def test_every_size_falls_into_one_bucket(sizes: list[int]) -> None:
    told = spread(pl.Series(sizes, dtype=pl.Int64), TOKENS_FROM)
    for bucket in told["buckets"]:
        end = float("inf") if bucket["to"] is None else bucket["to"]
        assert bucket["count"] == sum(bucket["from"] <= size <= end for size in sizes)
    assert sum(bucket["count"] for bucket in told["buckets"]) == len(sizes)
    if sizes:
        assert (told["least"], told["most"]) == (min(sizes), max(sizes))


@pytest.mark.parametrize("part", [Text("a <b> `c`"), Bullets(("a <b> `c`",)), Table(("<b>",), (("`c` <b>",),))])
def test_everything_is_escaped_on_the_page(part: Text | Bullets | Table) -> None:
    html = page(Card("t", "l", (), (Section("s", (part, Code("<b>"))),)))
    assert "<b>" not in html
    assert "<code>c</code>" in html


def test_a_chart_is_a_file_beside_the_readme_and_stands_in_the_page() -> None:
    chart = Chart("one.svg", "One", ())
    card = Card("t", "l", (), (Section("s", (chart,)),))
    assert "![One](one.svg)" in markdown(card)
    ((name, svg),) = pictures(card)
    assert (name, svg.startswith('<svg xmlns="')) == ("one.svg", True)
    assert 'aria-label="One"' in page(card)


def test_a_dataset_that_an_older_version_described_is_described_anew(workspace: Workspace, store: Store) -> None:
    add_curated(store, many(20))
    first = build(workspace, store)
    old = {name: value for name, value in first.manifest.items() if name not in ("about", "composition")}
    old |= {"manifest_version": 1, "run": {"run_id": "r0"}}
    store.execute("UPDATE datasets SET manifest = ?", [orjson.dumps(old).decode()])
    store.execute("UPDATE runs SET inputs = '{\"fingerprint\": \"of old\"}' WHERE stage = 'export'")
    second = build(workspace, store)
    assert (second.dataset_id, second.manifest["manifest_version"]) == (first.dataset_id, 2)
    assert store.rows("SELECT count(*) FROM datasets UNION ALL SELECT count(*) FROM dataset_items") == [(1,), (20,)]
