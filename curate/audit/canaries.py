"""Canaries: plant values into copies of a random sample, redact the copies as always, and count what was found.

Everything happens in memory: neither copies nor planted values are stored or written.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import orjson

from curate.audit.planting import Drawn, Planted, kinds, plant
from curate.evaluation.gold import answer_of
from curate.evaluation.intervals import share_in_words, wilson
from curate.evaluation.scores import COVERED, mask
from curate.redact.filter import redact_stream
from curate.redact.policy import Policy
from store.database import Store
from store.progress import Progress, Task, silent
from store.settings import RedactionSettings

TURNS_AROUND = 12  # of a long conversation, these many before and behind the drawn turn are copied
LONGEST = 5_000  # characters of a turn that is planted into
AT_ONCE = 1_000

# A turn's place in the draw depends on its key and the seed alone, so that new conversations shift nothing.
SAMPLE = """
SELECT t.conversation_key, t.turn_key
FROM public_turns AS t JOIN outcomes AS o USING (conversation_key)
WHERE o.verdict = 'keep' AND t.kind = 'message' AND t.role = 'customer' AND length(t.text) <= ?
ORDER BY md5(t.turn_key || ' ' || ?::VARCHAR), t.turn_key LIMIT ?
"""
AROUND = """
SELECT t.conversation_key, t.turn_key, t.role, t.text, l.label
FROM public_turns AS t JOIN (SELECT DISTINCT conversation_key FROM drawn) AS d USING (conversation_key)
LEFT JOIN signals AS l ON l.conversation_key = t.conversation_key AND l.signal = 'language'
WHERE t.kind = 'message'
ORDER BY t.conversation_key, t.position, t.turn_key
"""


@dataclass(frozen=True, slots=True)
class KindRecall:
    """How many of the planted values of one kind were found; those in copies that were set aside count for neither."""

    entity_type: str
    what: str
    planted: int
    found: int
    set_aside: int

    @property
    def sentence(self) -> str:
        """Say it in plain words."""
        aside = f" {self.set_aside:,} more stood in copies that were set aside." if self.set_aside else ""
        return share_in_words(self.found, self.planted, self.what) + aside

    def figures(self) -> dict[str, Any]:
        """Give the figures with the 95 % Wilson interval."""
        limits = wilson(self.found, self.planted)
        return {
            "type": self.entity_type,
            "what": self.what,
            "planted": self.planted,
            "found": self.found,
            "set_aside": self.set_aside,
            "recall": round(self.found / max(1, self.planted), 4),
            "interval": [round(limits.low, 4), round(limits.high, 4)],
        }


@dataclass(frozen=True, slots=True)
class CanaryResult:
    """Recall by kind, and by the form in which values were planted; the languages nothing could be planted in."""

    turns: int
    kinds: tuple[KindRecall, ...]
    forms: tuple[tuple[str, int, int], ...]
    languages_without: tuple[str, ...]

    def figures(self) -> dict[str, Any]:
        """Give everything as one JSON object, in which no text stands."""
        return {
            "turns": self.turns,
            "kinds": [one.figures() for one in self.kinds],
            "forms": [{"form": form, "planted": planted, "found": found} for form, planted, found in self.forms],
            "languages_without": list(self.languages_without),
        }


def sample_turns(store: Store, size: int, seed: int) -> list[Drawn]:
    """Draw customers' turns of kept conversations, each with the turns around it."""
    drawn = store.frame(SAMPLE, [LONGEST, seed, size])
    conversations: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    languages: dict[str, str] = {}
    with store.scratch(drawn=drawn):
        for key, turn_key, role, text, language in store.rows(AROUND):
            conversations[key].append((turn_key, role, text))
            languages[key] = language or ""
    return [_drawn(conversations[key], turn_key, languages[key]) for key, turn_key in drawn.iter_rows()]


def run_canaries(
    sample: Sequence[Drawn],
    *,
    of_each: int,
    seed: int,
    policy: Policy,
    settings: RedactionSettings,
    workers: int = 1,
    progress: Progress = silent,
) -> CanaryResult:
    """Plant `of_each` values of every kind into copies of sampled turns, redact these, and count what was found.

    The copies go the way of `chatmill redact`, with the workspace's policy and recognizers, language by language. A
    value is found where findings cover at least 90 % of its characters that are no blanks.
    """
    planted = _planted(sample, of_each, seed)
    found, aside, of_kind = Counter[str](), Counter[str](), Counter[str]()
    forms, forms_found = Counter[str](), Counter[str]()
    total = sum(map(len, planted.values()))
    with progress.task("audit: canaries", total) as task:
        for language, copies in planted.items():
            answers = _redacted(copies, language, policy, settings, workers, task)
            for one, answer in zip(copies, answers, strict=True):
                spans = answer_of(answer, turn=one.at)
                is_found = not spans.set_aside and _is_covered(one, mask(spans.findings, len(one.turns[one.at][1])))
                aside[one.kind] += spans.set_aside
                of_kind[one.kind] += not spans.set_aside
                found[one.kind] += is_found
                forms[one.form] += not spans.set_aside
                forms_found[one.form] += is_found
    spoken = {language for kind in kinds() for language in kind.say}
    return CanaryResult(
        turns=len(sample),
        kinds=tuple(
            KindRecall(
                kind.entity_type, kind.what, of_kind[kind.entity_type], found[kind.entity_type], aside[kind.entity_type]
            )
            for kind in kinds()
            if of_kind[kind.entity_type] or aside[kind.entity_type]
        ),
        forms=tuple((form, forms[form], forms_found[form]) for form in sorted(forms)),
        languages_without=tuple(sorted({one.language or "unknown" for one in sample} - spoken)),
    )


def _planted(sample: Sequence[Drawn], of_each: int, seed: int) -> dict[str, list[Planted]]:
    """Draw the canaries, by language."""
    planted: dict[str, list[Planted]] = defaultdict(list)
    for kind in kinds():
        able = [one for one in sample if one.language in kind.say]
        rng = Random(f"{seed} {kind.entity_type}")  # noqa: S311 - a repeatable draw, no secret
        for _ in range(of_each if able else 0):
            drawn = rng.choice(able)
            planted[drawn.language].append(plant(kind, drawn, rng))
    return dict(sorted(planted.items()))


def _redacted(
    copies: Sequence[Planted], language: str, policy: Policy, settings: RedactionSettings, workers: int, task: Task
) -> Iterator[dict[str, Any]]:
    lines = (orjson.dumps({"turns": [{"role": role, "text": text} for role, text in one.turns]}) for one in copies)
    for answer in redact_stream(lines, language=language, policy=policy, settings=settings, workers=workers):
        task.advance()
        yield answer


def _is_covered(one: Planted, covered: bytearray) -> bool:
    text = one.turns[one.at][1]
    places = [place for place in range(one.start, one.end) if not text[place].isspace()]
    return sum(covered[place] for place in places) >= COVERED * len(places)


def _drawn(turns: list[tuple[str, str, str]], turn_key: str, language: str) -> Drawn:
    at = next(place for place, (key, _, _) in enumerate(turns) if key == turn_key)
    first = max(0, at - TURNS_AROUND)
    around = tuple((role, text) for _, role, text in turns[first : at + TURNS_AROUND + 1])
    return Drawn(language, around, at - first)
