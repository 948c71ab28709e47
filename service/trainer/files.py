"""The calls about files and uploads in parts."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Query, UploadFile
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from service.trainer.errors import Refused, not_there
from service.trainer.paging import page
from service.trainer.shelf import Thing, new_id, now, private_file
from service.trainer.trainer import Trainer, trainer_of

router = APIRouter(prefix="/v1")
Here = Annotated[Trainer, Depends(trainer_of)]
MOST_BYTES = 8 * 1024**3  # of an upload in parts (OpenAI's API specification)
LASTS = 3600
"""Seconds after which an upload that was not completed is gone."""
CHUNK = 1 << 20


class Begin(BaseModel):
    """The body that begins an upload."""

    bytes: int = Field(gt=0, le=MOST_BYTES)
    filename: str = Field(min_length=1, max_length=255)
    mime_type: str
    purpose: str


class Complete(BaseModel):
    """The body that ends an upload."""

    part_ids: list[str]
    md5: str | None = None


@router.post("/files")
def create(here: Here, file: Annotated[UploadFile, File()], purpose: Annotated[str, Form()]) -> Thing:
    """Keep a file."""
    kept = here.shelf.add_file(file.filename or "file", purpose, iter(lambda: file.file.read(CHUNK), b""))
    return _shown(here, kept)


@router.get("/files")
def list_files(
    here: Here,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
    purpose: str | None = None,
    order: str = "desc",
) -> Thing:
    """List the files, the newest first."""
    with here.shelf.lock:
        files = [file for file in here.shelf.files.values() if purpose in (None, file["purpose"])]
    return page(files if order == "asc" else files[::-1], after=after, limit=limit)


@router.get("/files/{file_id}")
def retrieve(file_id: str, here: Here) -> Thing:
    """Give what is known of a file."""
    with here.shelf.lock:
        return _shown(here, here.shelf.file(file_id))


@router.get("/files/{file_id}/content")
def content(file_id: str, here: Here) -> FileResponse:
    """Give a file's bytes."""
    return FileResponse(here.shelf.content(file_id), media_type="application/octet-stream")


@router.delete("/files/{file_id}")
def delete(file_id: str, here: Here) -> Thing:
    """Delete a file, unless a job still needs it."""
    with here.shelf.lock:
        here.shelf.file(file_id)
        for job in here.shelf.jobs.values():
            if job.told["finished_at"] is None and file_id in (job.told["training_file"], job.told["validation_file"]):
                raise Refused(409, f"The file is needed by {job.job_id}.", reason="file_in_use")
        here.shelf.drop_file(file_id)
    return {"id": file_id, "object": "file", "deleted": True}


@router.post("/uploads")
def begin(body: Begin, here: Here) -> Thing:
    """Begin an upload in parts."""
    upload: Thing = {
        "id": new_id("upload_"), "object": "upload", "bytes": body.bytes, "created_at": now(),
        "filename": body.filename, "purpose": body.purpose, "status": "pending", "expires_at": now() + LASTS,
        "file": None,
    }  # fmt: skip
    with here.shelf.lock:
        here.shelf.save_upload(upload)
    return upload


@router.post("/uploads/{upload_id}/parts")
def add_part(upload_id: str, here: Here, data: Annotated[UploadFile, File()]) -> Thing:
    """Keep a part of an upload."""
    upload = _pending(here, upload_id)
    part_id = new_id("part_")
    with private_file(here.shelf.place("uploads", upload["id"]) / part_id) as target:
        shutil.copyfileobj(data.file, target, CHUNK)
    return {"id": part_id, "object": "upload.part", "created_at": now(), "upload_id": upload_id}


@router.post("/uploads/{upload_id}/complete")
def complete(upload_id: str, body: Complete, here: Here) -> Thing:
    """Put the parts together, in the order given."""
    upload = _pending(here, upload_id)
    place = here.shelf.place("uploads", upload_id)
    parts = [place / part_id for part_id in body.part_ids if part_id.startswith("part_") and part_id[5:].isalnum()]
    if len(parts) != len(body.part_ids) or not all(part.is_file() for part in parts):
        raise Refused(400, "A part is not one of this upload.", param="part_ids", reason="invalid_value")
    if sum(part.stat().st_size for part in parts) != upload["bytes"]:
        raise Refused(400, "The parts have another number of bytes than was said.", reason="byte_count_mismatch")
    if body.md5 and _md5(parts_of(parts)) != body.md5.lower():
        raise Refused(400, "The parts have another checksum than was said.", param="md5", reason="checksum_mismatch")
    file = here.shelf.add_file(upload["filename"], upload["purpose"], parts_of(parts))
    with here.shelf.lock:
        here.shelf.save_upload(upload | {"status": "completed", "file": file})
    for part in place.glob("part_*"):
        part.unlink()
    return upload | {"status": "completed", "file": _shown(here, file)}


@router.post("/uploads/{upload_id}/cancel")
def cancel(upload_id: str, here: Here) -> Thing:
    """Give an upload up."""
    upload = _pending(here, upload_id) | {"status": "cancelled"}
    with here.shelf.lock:
        here.shelf.save_upload(upload)
    for part in here.shelf.place("uploads", upload_id).glob("part_*"):
        part.unlink()
    return upload


def parts_of(paths: list[Path]) -> Iterator[bytes]:
    """Give the bytes of files, one after the other."""
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk


def _md5(chunks: Iterator[bytes]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def _pending(here: Trainer, upload_id: str) -> Thing:
    upload = here.shelf.uploads.get(upload_id)
    if upload is None:
        raise not_there("upload", upload_id)
    if upload["status"] == "pending" and now() > upload["expires_at"]:
        upload["status"] = "expired"
    if upload["status"] != "pending":
        raise Refused(400, f"The upload is {upload['status']}.", reason="invalid_status")
    return upload


def _shown(here: Trainer, file: Thing) -> Thing:
    is_new = here.rehearsal.has("not-ready") and file["purpose"] == "fine-tune"
    return file | {"status": "uploaded"} if is_new and here.rehearsal.still("not-ready", file["id"]) else file
