"""The process that trains: `python -m export.training.worker`, told what to do by lines of JSON on its input.

{"run": FOLDER} trains the task in a folder, {"ask": "pause"|"cancel"} stops it after the step under way. It ends when
its input does, so no training outlives whoever started it. What happens is told in the folder's progress.jsonl.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import traceback
from pathlib import Path

import orjson

from export.training.libraries import silence
from export.training.task import Control, Task, read_task
from store.errors import ChatmillError


def main() -> None:
    """Do one task after the other until the input ends."""
    silence()
    os.umask(0o077)  # models and tokenizers hold what conversations say
    tasks: queue.Queue[Path] = queue.Queue()
    state = Control()
    threading.Thread(target=_listen, args=(tasks, state), daemon=True).start()
    while True:
        task = read_task(tasks.get())
        work(task, state)


def work(task: Task, control: Control) -> None:
    """Train a task and tell how it ended; a bug is told by its place alone, for its words may quote a conversation."""
    task.reports.mend()
    try:
        from export.training.training import train

        status, problem = train(task, control), {}
    except ChatmillError as error:
        status, problem = "failed", {"code": error.code, "message": f"{error.message} {error.hint}".strip()}
    except MemoryError:
        status, problem = "failed", _out_of_memory()
    except Exception as error:  # noqa: BLE001 - the last stop before a traceback that could show conversation text
        status, problem = "failed", _broken(error)
    task.reports.tell("end", status=status, **problem)


def _listen(tasks: queue.Queue[Path], control: Control) -> None:
    for line in sys.stdin.buffer:
        told = orjson.loads(line)
        if "run" in told:
            control.wanted = ""  # what was asked of the task before
            tasks.put(Path(told["run"]))
        else:
            control.wanted = told["ask"]
    os._exit(0)  # whoever started us is gone; what is not in a checkpoint is trained again


def _broken(error: Exception) -> dict[str, str]:
    if type(error).__name__ == "OutOfMemoryError":
        return _out_of_memory()
    places = [frame for frame in traceback.extract_tb(error.__traceback__) if "export/training" in frame.filename]
    place = f"{Path(places[-1].filename).name}:{places[-1].lineno}" if places else "unknown"
    return {"code": "server_error", "message": f"The training broke: {type(error).__name__} at {place}."}


def _out_of_memory() -> dict[str, str]:
    message = "There is not enough memory. Lower batch_size or max_length, use LoRA, or set gradient_checkpointing."
    return {"code": "out_of_memory", "message": message}


if __name__ == "__main__":
    main()
