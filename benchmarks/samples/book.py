"""Keep account of every conversation that is written, for planted.json and the counts in the README."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samples.studio import Dialogue

ABOUT = (
    "What benchmarks/make_samples.py put into each conversation; `where` tells if a value stands in public speech, "
    "in internal notes, drafts and events, or only in a field of the record. Everybody is invented."
)


@dataclass(slots=True)
class Book:
    """Collect entries while the files are written."""

    folder: Path
    entries: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    broken: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    def path(self, name: str) -> Path:
        """Give the place of a file, and make its folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def text(self, name: str, content: str, encoding: str = "utf-8") -> None:
        """Write a text file with the newlines as they are."""
        self.path(name).write_bytes(content.encode(encoding))

    def enter_all(self, file: str, named: Sequence[tuple[str, Dialogue]]) -> None:
        """Account for a file's conversations, and say of copies what they are copies of."""
        names = {id(dialogue): external_id for external_id, dialogue in named}
        for external_id, dialogue in named:
            copied = {"duplicate_of": names[id(dialogue.original)]} if dialogue.original else {}
            self.enter(file, external_id, dialogue, **copied)

    def enter(self, file: str, external_id: str, dialogue: Dialogue, **more: str) -> None:
        """Account for one conversation."""
        language = {"mixed": "de+en"}.get(dialogue.scene.language, dialogue.scene.language)
        entry: dict[str, Any] = {
            "connector": file.split("/", 1)[0],
            "file": file,
            "external_id": external_id,
            "customer": f"u{dialogue.customer.ident:04}",
            "scene": dialogue.scene.code,
            "language": language,
            "traits": list(dialogue.traits),
        }
        values = [{"value": one.value, "type": one.type, "where": one.where} for one in dialogue.planted]
        self.entries.append({**entry, **more, "values": values})

    def damage(self, file: str, what: str, place: str, expect: str = "reject") -> None:
        """Account for one record that is broken on purpose: to "reject", to "repair", or to pass over ("nothing")."""
        self.broken.append({"file": file, "what": what, "place": place, "expect": expect})

    def write(self, path: Path) -> None:
        """Write the list of what was planted, one conversation a line."""
        lines = [json.dumps(entry, ensure_ascii=False) for entry in self.entries]
        broken = [json.dumps(one, ensure_ascii=False) for one in self.broken]
        content = (
            f'{{"about": {json.dumps(ABOUT)},\n"conversations": [\n'
            + ",\n".join(lines)
            + '\n],\n"broken": [\n'
            + ",\n".join(broken)
            + "\n]}\n"
        )
        path.write_bytes(content.encode())

    def counts(self) -> Counter[str]:
        """Count conversations by trait, language and file."""
        counts: Counter[str] = Counter()
        for entry in self.entries:
            counts.update((*entry["traits"], f"language {entry['language']}", entry["file"], "conversations"))
            counts.update({f"type {value['type']}" for value in entry["values"]})
        counts["broken"] = len(self.broken)
        return counts
