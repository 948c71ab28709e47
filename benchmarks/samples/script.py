"""Read the dialogue files: scenes with turns, each turn in several phrasings.

A scene starts with `== code | domain | language | subject`. A turn starts with its role, C for the customer or A for
the agent, and a blank; each following line that starts with `| ` says the same in other words. A `?` before the role
makes the turn optional; optional turns in a row come together or not at all. A `>` makes it answer the turn before: its
first phrasing goes with the first one there, and so on. `{order}` and the like are filled in by
samples.fill. Lines that start with # and empty lines count for nothing.
"""

from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from samples.chance import Chance

ROLES = {"C": "customer", "A": "agent"}
FOLDER = Path(__file__).parent / "dialogues"


@dataclass(frozen=True, slots=True)
class Cue:
    """One turn of a scene, not yet phrased."""

    role: str
    is_optional: bool
    is_reply: bool
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """What happens in a conversation; `domain` is the invented company, `language` that of the customer."""

    code: str
    domain: str
    language: str
    subject: str
    cues: tuple[Cue, ...]
    is_odd: bool
    """From oddities.txt: too short, garbled, or otherwise no ordinary conversation."""

    def phrased(self, chance: Chance) -> list[tuple[str, str]]:
        """Draw a phrasing for each turn and give (role, template) pairs."""
        lines: list[tuple[str, str]] = []
        drawn = 0
        for is_optional, cues in groupby(self.cues, key=lambda cue: cue.is_optional):
            if is_optional and not chance.happens(0.6):
                continue
            for cue in cues:
                drawn = drawn % len(cue.choices) if cue.is_reply else chance.number(0, len(cue.choices) - 1)
                lines.append((cue.role, cue.choices[drawn]))
        return lines


def scenes() -> tuple[Scene, ...]:
    """Load every scene, in the order of the files' names."""
    return tuple(scene for path in sorted(FOLDER.glob("*.txt")) for scene in _scenes(path))


def _scenes(path: Path) -> list[Scene]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    starts = [at for at, line in enumerate(lines) if line.startswith("== ")]
    is_odd = path.stem == "oddities"
    return [
        _scene(lines[start:end], is_odd=is_odd) for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)
    ]


def _scene(lines: list[str], *, is_odd: bool) -> Scene:
    code, domain, language, subject = (part.strip() for part in lines[0].removeprefix("== ").split("|"))
    cues: list[Cue] = []
    for line in lines[1:]:
        mark, text = line.split(" ", 1)
        if mark == "|":
            cues[-1] = replace(cues[-1], choices=(*cues[-1].choices, text))
        else:
            cues.append(Cue(ROLES[mark[-1]], "?" in mark, ">" in mark, (text,)))
    return Scene(code, domain, language, subject, tuple(cues), is_odd)
