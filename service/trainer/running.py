"""Work the jobs off, one after the other: check the files, have them trained, and tell what the training reports."""

from __future__ import annotations

import base64
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from export.training.errors import BadTrainingFile
from export.training.examples import check_file
from export.training.progress import NAME as PROGRESS
from export.training.progress import read_from
from export.training.recipe import read_recipe
from export.training.task import Task
from service.trainer.errors import Refused
from service.trainer.hand import Hand
from service.trainer.models import Models, tuned_name
from service.trainer.rehearsal import LOOKS, Rehearsal
from service.trainer.shelf import ACTIVE, OVER, Job, Shelf, Thing, now
from service.trainer.telling import result_csv, tell

LOOK_EVERY = 0.1  # seconds
CANCEL_SECONDS = 20.0
"""How long a cancelled training may take over the step under way."""
STOP_SECONDS = 15.0
LOST = "The training process ended twice without getting on. Is there enough memory? Try a smaller batch_size."
BLOCKED = (
    "The job failed due to an unsafe training file. This training file was blocked because too many examples were "
    "flagged by our moderation API for containing content that violates our usage policies in the following "
    "categories: hate. Use the free OpenAI Moderation API to identify these examples and remove them."
)
THIRD_LINE = 'Invalid file format. Line 3, message 2, key "content": Input should be a valid string'


@dataclass(slots=True)
class Runner:
    """Work in a thread; `wake` is set when a job is new or changed."""

    shelf: Shelf
    models: Models
    hand: Hand
    rehearsal: Rehearsal
    wake: threading.Event = field(default_factory=threading.Event)
    stopping: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to work."""
        self.thread = threading.Thread(target=self._work, name="trainer", daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Stop after the step under way; the job goes on from there at the next start."""
        self.stopping.set()
        self.wake.set()
        if self.thread is not None:
            self.thread.join(STOP_SECONDS)
        self.hand.end()

    def _work(self) -> None:
        while not self.stopping.is_set():
            job = self._next()
            if job is None:
                self.wake.wait(1.0)
                self.wake.clear()
                continue
            try:
                if self._is_ready(job):
                    self._train(job)
            except BadTrainingFile as error:
                self._fail(job, "invalid_training_file", error.message, param="training_file")
            except Refused as error:  # the model, or a file, is no longer there
                self._fail(job, error.reason or "server_error", error.message, param=error.param)
            except Exception as error:  # noqa: BLE001 - one job must not take the others with it; words may quote a file
                self._fail(job, "server_error", f"The trainer broke: {type(error).__name__}.")

    def _next(self) -> Job | None:
        with self.shelf.lock:
            return next((job for job in self.shelf.jobs.values() if job.status in ACTIVE), None)

    def _is_ready(self, job: Job) -> bool:
        """Check the files of a new job, and queue it."""
        if job.status != "validating_files":
            return True
        method = job.told["method"]["type"]
        if self.rehearsal.strikes("refused-line"):
            raise BadTrainingFile(THIRD_LINE)
        check_file(self.shelf.content(job.told["training_file"]), method)
        if job.told["validation_file"]:
            try:
                check_file(self.shelf.content(job.told["validation_file"]), method)
            except BadTrainingFile as error:
                self._fail(job, "invalid_validation_file", error.message, param="validation_file")
                return False
        if self.rehearsal.strikes("moderation"):
            self._fail(job, "invalid_training_file", BLOCKED, param="training_file")
            return False
        with self.shelf.lock:
            if job.status == "validating_files":
                job.told["status"] = "queued"
                self.shelf.save_job(job)
                self.shelf.add_event(job, "Files validated, moving job to queued state", mark="queued")
            return str(job.status) == "queued"

    def _train(self, job: Job) -> None:
        """Have a job trained, as far as it comes: to its end, or until it is paused or cancelled."""
        task = self._task(job)
        self._read(job, task)
        ended = self._finish_if_done(job, task)
        self._rehearse(job)
        restarts = 0
        while not ended and not self.stopping.is_set() and job.status in ACTIVE:
            before = task.last_checkpoint()
            with self.shelf.lock:
                if job.status not in ACTIVE:
                    return
                job.told["status"] = "running"
                self.shelf.save_job(job)
                self.shelf.add_event(job, "Fine-tuning job started", mark="started")
            self.hand.run(task.folder)
            ended = self._watch(job, task)
            if not ended:
                restarts = restarts + 1 if task.last_checkpoint() == before else 0
                if restarts > 1 and job.status in ACTIVE:
                    self._fail(job, "server_error", LOST)

    def _task(self, job: Job) -> Task:
        base = self.models.find(job.told["model"])
        folder = self.shelf.place("jobs", job.job_id)
        method = job.told["method"]["type"]
        asked = job.told["method"][method]["hyperparameters"] | job.told["asked"]
        validation = job.told["validation_file"]
        task = Task(
            folder=folder,
            method=method,
            base=base.source,
            train=self.shelf.content(job.told["training_file"]),
            validation=self.shelf.content(validation) if validation else None,
            recipe=read_recipe(asked, seed=job.told["seed"]),
            size=base.size,
        )
        task.write()
        return task

    def _watch(self, job: Job, task: Task) -> bool:
        """Follow the training process, and say whether it came to an end of its own; else it died, or we stop."""
        asked, since = "", 0.0
        while True:
            wanted = _wanted(job, is_stopping=self.stopping.is_set())
            if wanted and wanted != asked:
                asked, since = wanted, time.monotonic()
                self.hand.ask(wanted)
            alive = self.hand.is_alive
            if self._read(job, task):
                return self._finish_if_done(job, task) or wanted == asked != ""
            if not alive:
                return False
            if asked == "cancel" and time.monotonic() - since > CANCEL_SECONDS:
                self.hand.kill()
                return True
            time.sleep(LOOK_EVERY)

    def _read(self, job: Job, task: Task) -> bool:
        """Tell what the training reported since the last look; say whether the last line was its end."""
        lines, behind = read_from(task.folder / PROGRESS, job.read)
        for number, line in enumerate(lines):
            with self.shelf.lock:
                tell(self.shelf, job, dict(line), f"{job.read}:{number}")
        if lines:
            with self.shelf.lock:
                job.read = behind
                self.shelf.save_job(job)
        return bool(lines) and lines[-1]["kind"] == "end"

    def _finish_if_done(self, job: Job, task: Task) -> bool:
        """Close a job whose training succeeded or failed; what was cancelled meanwhile stays so."""
        told = task.told()
        if not told or told[-1]["kind"] != "end":
            return False
        end = told[-1]
        if end["status"] == "failed":
            param = "training_file" if end["code"] == BadTrainingFile.code else None
            code = "invalid_training_file" if param else end["code"]
            self._fail(job, code, end["message"], param=param)
            return True
        if end["status"] != "succeeded" or job.status in OVER:
            return job.status in OVER
        if self.rehearsal.strikes("late-failure"):
            self._fail(job, "server_error", "Error while running moderation eval refusals_v3 on the fine-tuned model.")
            return True
        self._succeed(job, told)
        return True

    def _succeed(self, job: Job, told: list[Thing]) -> None:
        done = next(line for line in reversed(told) if line["kind"] == "done")
        raw = base64.b64encode(result_csv(told).encode())
        file = self.shelf.add_file("step_metrics.csv", "fine-tune-results", [raw])
        name = tuned_name(job)
        with self.shelf.lock:
            job.told |= {
                "status": "succeeded", "finished_at": now(), "fine_tuned_model": name, "error": None,
                "trained_tokens": done["tokens"], "result_files": [file["id"]], "estimated_finish": None,
            }  # fmt: skip
            self.shelf.add_event(job, f"New fine-tuned model created: {name}", mark="created")
            self.shelf.add_event(job, "The job has successfully completed", mark="completed")
            self.shelf.save_job(job)

    def _fail(self, job: Job, code: str, message: str, *, param: str | None = None) -> None:
        with self.shelf.lock:
            if job.status in OVER:
                return
            error = {"code": code, "message": message, "param": param}
            job.told |= {"status": "failed", "finished_at": now(), "error": error, "estimated_finish": None}
            self.shelf.add_event(job, f"The job failed: {message}", level="error", mark="failed")
            self.shelf.save_job(job)

    def _rehearse(self, job: Job) -> None:
        """Let the faults of a job that is about to run strike."""
        with self.shelf.lock:
            if self.rehearsal.strikes("odd-events"):
                odd: dict[str, Any] = {"blocked": False, "results": [{"category": "hate", "passed": None}]}
                self.shelf.add_event(job, "", kind="moderation_checks", level="odd", data=odd)
            if job.status in ACTIVE and self.rehearsal.strikes("paused"):
                job.told["status"] = "paused"
                self.rehearsal.looks[job.job_id] = 0
                self.shelf.save_job(job)


def go_on(runner: Runner, job: Job) -> None:
    """Let a job that the rehearsal paused go on once it was looked at a few times."""
    if job.status == "paused" and runner.rehearsal.has("paused") and job.job_id in runner.rehearsal.looks:
        runner.rehearsal.looks[job.job_id] += 1
        if runner.rehearsal.looks[job.job_id] > LOOKS:
            del runner.rehearsal.looks[job.job_id]
            job.told["status"] = "queued"
            runner.shelf.save_job(job)
            runner.wake.set()


def _wanted(job: Job, *, is_stopping: bool) -> str:
    """Say what the training process must be asked for, by how the job stands."""
    if job.status in OVER:
        return "cancel"
    return "pause" if job.status in ("paused", "queued") or is_stopping else ""
