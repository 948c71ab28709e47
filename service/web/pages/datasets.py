"""Dataset: what stands against building one, what it would hold, building it, and the versions there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup

from curate.report.charts import Bar, bars
from export.card import card
from export.card_parts import pieces
from export.catalog import Dataset, find_dataset
from export.models import price_table
from export.overview import blockers, versions
from export.sign_off import sign_off_of
from service.background.tasks import last_done
from service.web.dependencies import Here, Reader, Service, Writer, needs
from service.web.errors import NotThere
from service.web.pages.working import failed, working
from service.web.rendering import page
from store.database import Store
from store.workspace import Workspace

router = APIRouter()

KINDS = ("export", "preview", "curate")
REASONS_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Table:
    """One dimension before and after, with its chart."""

    dimension: str
    rows: Sequence[Mapping[str, Any]]
    more: int
    chart: Markup


@router.get("/datasets")
def show_datasets(request: Request, reader: Reader, service: Service, here: Here) -> Response:
    """Show what stands against a dataset, what it would hold, and the versions there are."""
    at_work = working(reader, KINDS)  # first: what ends meanwhile shows its result
    planned = last_done(reader, "preview")
    result = planned.result if planned else None
    return page(
        request,
        "datasets.html",
        checks=blockers(here, reader),
        planned=planned,
        plan=result,
        tables=_tables(result["tables"]) if result else [],
        settings=here.settings,
        versions=versions(reader),
        working=at_work,
        failed=failed(reader, KINDS),
        tasks=service.tasks,
    )


@router.post("/datasets/preview", dependencies=[needs("lead")])
def start_preview(writer: Writer, service: Service) -> Response:
    """Plan a dataset in the background; nothing is written."""
    service.tasks.ask(writer, "preview")
    return RedirectResponse("/datasets", status_code=303)


@router.post("/datasets", dependencies=[needs("lead")])
def start_build(writer: Writer, service: Service) -> Response:
    """Build a dataset version in the background."""
    service.tasks.ask(writer, "export")
    return RedirectResponse("/datasets", status_code=303)


@router.get("/datasets/{dataset_id}")
def show_dataset(request: Request, reader: Reader, here: Here, dataset_id: str) -> Response:
    """Show one version: splits, balance, tokens and cost, what was left out, and its card."""
    dataset = dataset_of(here, reader, dataset_id)
    told = dataset.manifest
    train = next(file for file in dataset.files.values() if file["split"] == "train")
    balance = told["balance"]
    return page(
        request,
        "dataset.html",
        dataset=dataset,
        told=told,
        signed=sign_off_of(reader, dataset_id),
        balance=balance,
        tables=_tables(balance["tables"]) if balance else [],
        prices=price_table(tokens=train["tokens"], epochs=told["epochs_by_default"]),
        reasons=_left_out(told)[:REASONS_SHOWN],
        card=pieces(card(told)),
    )


def dataset_of(here: Workspace, store: Store, dataset_id: str) -> Dataset:
    """Find a version by its whole id.

    Raises:
        NotThere: there is none.
    """
    if not store.value("SELECT count(*) FROM datasets WHERE dataset_id = ?", [dataset_id]):
        raise NotThere("There is no such dataset version.", hint="The page Dataset has them all.")
    return find_dataset(here, store, dataset_id)


def _tables(tables: Sequence[Mapping[str, Any]]) -> list[Table]:
    return [Table(one["dimension"], one["rows"], one.get("more", 0), _chart(one)) for one in tables]


def _chart(table: Mapping[str, Any]) -> Markup:
    """Draw each value: what stays, and paler what goes."""
    drawn = [
        Bar(str(row["value"])[:30], row["after"], row["before"] - row["after"], f"of {row['before']:,}")
        for row in table["rows"]
    ]
    # charts.bars escapes every label itself, so its SVG may stand in the page as it is.
    return Markup(bars(f"Conversations by {table['dimension']}, before and after", drawn))  # noqa: S704


def _left_out(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Give why conversations are not in it, the commonest reason first."""
    rows = [why for stage in told["funnel"] for why in stage["reasons"]] + list(told["excluded"])
    return sorted(rows, key=lambda row: (-row["conversations"], row["code"]))
