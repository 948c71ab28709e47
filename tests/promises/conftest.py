"""The main job over small exports, run as a person would: through the command line, in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left behind."""

    workspace: Path
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(self.out)

    def splits(self) -> dict[str, bytes]:
        """The split files of the newest dataset, by name."""
        folder = Path(self.document["folder"])
        return {path.name: path.read_bytes() for path in sorted(folder.glob("*.jsonl"))}


Chatmill = Callable[..., Ran]


@pytest.fixture
def chatmill(tmp_path: Path) -> Chatmill:
    """Run a command in a process of its own, with a key of its own."""

    def call(*arguments: object, workspace: Path | None = None, **environment: str) -> Ran:
        root = workspace or tmp_path / "workspace"
        command = [sys.executable, "-m", "service.main", *map(str, arguments)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=tmp_path,
            env=os.environ | {"CHATMILL_KEY": "5a" * 32} | environment,
        )  # fmt: skip
        return Ran(root, done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A small export with everything that matters: customers who come back, near-duplicates, PII, garbage."""
    folder = tmp_path / "export"
    folder.mkdir()
    lines = [json.dumps(conversation(number)) for number in range(120)]
    lines.insert(60, '{"id": "broken", "turns": [')
    (folder / "chats.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


PEOPLE = [("Ottilie", "Brandauer"), ("Kwabena", "Osei-Tutu"), ("Rosalind", "Achterberg"), ("Tancredi", "Bellomo")]
TROUBLES = [
    (
        "My parcel has not arrived and the tracking page shows nothing since last week",
        "I have asked the depot to search for it and they will deliver it tomorrow before noon",
    ),
    (
        "The invoice shows the amount twice although I only bought the lamp once",
        "You are right, the second booking is cancelled and the money is back within three days",
    ),
    (
        "I cannot log in any more since I changed my phone, the code never comes",
        "I have reset the second factor, please scan the new code in your account settings",
    ),
    (
        "The coffee machine leaks from below after two weeks of normal use",
        "That is covered by the warranty, a replacement leaves our warehouse this afternoon",
    ),
    (
        "Can I still change the delivery address for the order from this morning",
        "Yes, I have changed it to the new address and the label is printed again",
    ),
]


def conversation(number: int) -> dict[str, Any]:
    """One invented conversation; the first name, surname and mail stand in its text, its number varies the words."""
    first, last = PEOPLE[number % 4]
    mail = f"{first}.{last}{number // 8}@example.com".lower()
    trouble, answer = TROUBLES[number % 5]
    extra = " ".join(f"{word}{number}" for word in ("model", "shelf", "box", "lamp", "cable"))
    turns = [
        {"role": "customer", "text": f"Hi, my name is {first} {last}. {trouble}. It concerns {extra}."},
        {
            "role": "agent",
            "text": f"Hello {first}, thank you for writing about {extra}. Which mail do you use with us?",
        },
        {"role": "customer", "text": f"It is {mail} and my card is 4111 1111 1111 1111."},
        {"role": "agent", "text": f"Thank you {first}. {answer}. Your case number is {number:04d} for {extra}."},
    ]
    return {"id": f"c{number}", "customer_email": mail, "turns": turns}


@pytest.fixture
def planted() -> list[str]:
    """What must not stand in anything that leaves: the names, mails and cards of `conversation`."""
    return [name for pair in PEOPLE for name in pair] + ["@example.com", "4111 1111", "4111111111111111"]
