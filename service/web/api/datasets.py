"""Dataset versions and their sign-off, for scripts. `POST /tasks` with kind preview or export plans and builds one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from export.card import card
from export.card_parts import markdown
from export.overview import Version, blockers, versions
from export.sign_off import Check, SignOff, checklist, sign_off_of, sign_offs, withdraw
from service.web.api.tasks import Task
from service.web.api.tasks import describe as describe_task
from service.web.dependencies import Here, Reader, Service, Signed, Writer, needs
from service.web.pages.datasets import dataset_of

router = APIRouter(tags=["datasets"])

DatasetId = Annotated[str, Path(description="The version's id.", max_length=100)]


class Versions(BaseModel):
    """The newest fifty dataset versions."""

    datasets: list[Version]


class Blockers(BaseModel):
    """What a person should see to before a dataset is built."""

    checks: list[Check] = Field(description="`state` is ok, look or stop.")


class Dataset(BaseModel):
    """One version."""

    dataset_id: str
    folder: str
    manifest: dict[str, Any] = Field(description="As in manifest.json.")
    card: str = Field(description="The data card, as Markdown.")


class SignOffs(BaseModel):
    """The sign-off of a version: what is checked now, who holds it signed, and what was said before."""

    signed: SignOff | None
    checks: list[Check]
    said: list[SignOff]


class Note(BaseModel):
    """What is to be remembered."""

    note: str = Field(default="", max_length=500)


@router.get("/datasets")
def list_datasets(reader: Reader) -> Versions:
    """List the dataset versions, the newest first."""
    return Versions(datasets=versions(reader))


@router.get("/datasets/blockers")
def get_blockers(reader: Reader, here: Here) -> Blockers:
    """Check what stands against building a dataset."""
    return Blockers(checks=blockers(here, reader))


@router.get("/datasets/{dataset_id}")
def get_dataset(reader: Reader, here: Here, dataset_id: DatasetId) -> Dataset:
    """Give one version with its manifest and its card."""
    found = dataset_of(here, reader, dataset_id)
    return Dataset(
        dataset_id=dataset_id,
        folder=str(found.folder),
        manifest=dict(found.manifest),
        card=markdown(card(found.manifest)),
    )


@router.get("/datasets/{dataset_id}/sign-off")
def get_sign_off(reader: Reader, here: Here, person: Signed, dataset_id: DatasetId) -> SignOffs:
    """Give the checklist of a version as it is for who asks, and who signed it."""
    dataset, last = dataset_of(here, reader, dataset_id), sign_off_of(reader, dataset_id)
    return SignOffs(
        signed=last if last and last.is_signed else None,
        checks=checklist(here, reader, dataset, by=person.name),
        said=sign_offs(reader, dataset_id),
    )


@router.post("/datasets/{dataset_id}/sign-off", status_code=202, dependencies=[needs("lead")])
def sign(writer: Writer, service: Service, here: Here, dataset_id: DatasetId, said: Note) -> Task:
    """Check every file and sign in the caller's name, in the background."""
    dataset_of(here, writer, dataset_id)
    task = service.tasks.ask(writer, "sign", {"dataset": dataset_id, "note": said.note.strip()})
    return describe_task(service, task)


@router.post("/datasets/{dataset_id}/sign-off/withdraw", dependencies=[needs("lead")])
def take_back(writer: Writer, here: Here, person: Signed, dataset_id: DatasetId, said: Note) -> SignOff:
    """Take a signature back; the note says why."""
    dataset_of(here, writer, dataset_id)
    return withdraw(here, writer, dataset_id, note=said.note, by=person.name)
