"""Sign-off: the checklist of a dataset version, the signature, and taking it back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from export.overview import versions
from export.sign_off import checklist, sign_off_of, sign_offs, withdraw
from service.web.dependencies import Here, Reader, Service, Signed, Writer, needs
from service.web.pages.datasets import dataset_of
from service.web.pages.working import failed, working
from service.web.rendering import page

router = APIRouter()

Note = Annotated[str, Form(max_length=2000)]


@router.get("/sign-off")
def show_versions(request: Request, reader: Reader) -> Response:
    """List the versions that can be signed."""
    return page(request, "sign_offs.html", versions=versions(reader))


@router.get("/sign-off/{dataset_id}")
def show_checklist(
    request: Request, reader: Reader, service: Service, here: Here, person: Signed, dataset_id: str
) -> Response:
    """Show what was checked of a version, and who signed it."""
    at_work = working(reader, ["sign"])  # first: what ends meanwhile shows its result
    dataset = dataset_of(here, reader, dataset_id)
    signed = sign_off_of(reader, dataset_id)
    holds = signed is not None and signed.is_signed
    return page(
        request,
        "sign_off.html",
        dataset=dataset,
        signed=signed if holds else None,
        said=sign_offs(reader, dataset_id),
        checks=signed.checklist if signed and holds else checklist(here, reader, dataset, by=person.name),
        settings=here.settings.sign_off,
        working=at_work,
        failed=None if holds else failed(reader, ["sign"]),
        tasks=service.tasks,
    )


@router.post("/sign-off/{dataset_id}", dependencies=[needs("lead")])
def sign(writer: Writer, service: Service, here: Here, dataset_id: str, note: Note = "") -> Response:
    """Check every file and sign, in the background and in the person's name."""
    dataset_of(here, writer, dataset_id)
    service.tasks.ask(writer, "sign", {"dataset": dataset_id, "note": note.strip()})
    return RedirectResponse(f"/sign-off/{dataset_id}", status_code=303)


@router.post("/sign-off/{dataset_id}/withdraw", dependencies=[needs("lead")])
def take_back(writer: Writer, here: Here, person: Signed, dataset_id: str, note: Note = "") -> Response:
    """Take a signature back."""
    dataset_of(here, writer, dataset_id)
    withdraw(here, writer, dataset_id, note=note, by=person.name)
    return RedirectResponse(f"/sign-off/{dataset_id}", status_code=303)
