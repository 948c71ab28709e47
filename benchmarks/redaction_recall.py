"""Measure how much of what was asked for is protected, with the asking turn present.

    python benchmarks/redaction_recall.py ../shared/data [--sample 60] [--conversations 0] [--misses NAME]

Joins pii/star_weak to conversations/star by id and text, sends whole conversations through the filter's own path, and
prints the share of weak spans protected by label (recall only: these labels say nothing of precision), the share of
characters redacted, and, on request, redactions or misses drawn at random for reading. The same for pii/multidogo_dev,
whose turns come without questions, with precision and `over` as ../shared/score_redaction.py defines them.
"""

import argparse
import gzip
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from curate.redact.filter import redact_stream

ASKED_FOR = frozenset(
    (
        *("name", "ssn", "card_number", "account_number", "phone_number", "phonenumber", "address", "current_zipcode"),
        *("new_zipcode", "current_city", "new_city", "password", "claimid", "policyid", "booking_confirmation_number"),
    )
)
ENOUGH = 0.9  # of a span's characters, as score_redaction.py has it

Span = tuple[int, int, str]
Gold = dict[int, list[Span]]


def records(path: Path) -> Iterator[dict[str, Any]]:
    """Give the records of a compressed file of JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def joined(folder: Path) -> Iterator[tuple[dict[str, Any], Gold]]:
    """Give each star conversation with its weak spans by turn; spans whose turn is not found are left out."""
    weak: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in records(folder / "pii/star_weak.jsonl.gz"):
        weak[entry["id"].rsplit("-", 1)[0]].append(entry)
    for conversation in records(folder / "conversations/star.jsonl.gz"):
        gold: Gold = {}
        at = 0
        for entry in weak.get(conversation["id"], []):
            place = _place(conversation["turns"], entry["text"], at)
            if place is not None:
                gold[place] = list(_shifted(entry, conversation["turns"][place]["text"]))
                at = place + 1
        yield conversation, gold


def _place(turns: list[dict[str, Any]], text: str, start: int) -> int | None:
    wanted = text.strip()
    return next((at for at in range(start, len(turns)) if turns[at]["text"].strip() == wanted), None)


def _shifted(entry: dict[str, Any], text: str) -> Iterator[Span]:
    by = text.find(entry["text"].strip()) - (len(entry["text"]) - len(entry["text"].lstrip()))
    for span in entry["spans"]:
        yield span["start"] + by, span["end"] + by, span["label"]


def protected(span: Span, text: str, found: Iterable[dict[str, Any]]) -> bool:
    """Say whether findings cover enough of a span."""
    places = [at for at in range(span[0], span[1]) if not text[at].isspace()]
    hit = sum(any(one["start"] <= at < one["end"] for one in found) for at in places)
    return bool(places) and hit >= ENOUGH * len(places)


def measure(pairs: list[tuple[dict[str, Any], Gold]], workers: int) -> dict[str, Any]:
    """Redact conversations and count what of their gold spans is protected, by label, and what was redacted."""
    asked, hit, types = Counter[str](), Counter[str](), Counter[str]()
    redacted: list[tuple[str, str, str]] = []
    misses: dict[str, list[str]] = defaultdict(list)
    characters = covered = outside = over = touching = 0
    answers = redact_stream((json.dumps(conversation) for conversation, _ in pairs), workers=workers)
    for (conversation, gold), answer in zip(pairs, answers, strict=True):
        by_turn: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for one in answer.get("findings", ()):
            by_turn[one["turn"]].append(one)
        for at, turn in enumerate(conversation["turns"]):
            text, found, spans = turn["text"], by_turn[at], gold.get(at, [])
            mask = {place for one in found for place in range(one["start"], one["end"]) if not text[place].isspace()}
            inside = {place for start, end, _ in spans for place in range(start, end)}
            visible = {place for place, character in enumerate(text) if not character.isspace()}
            characters, covered = characters + len(visible), covered + len(mask)
            outside, over = outside + len(visible - inside), over + len(mask - inside)
            types.update(one["entity_type"] for one in found)
            touching += sum(any(place in inside for place in range(one["start"], one["end"])) for one in found)
            redacted += [
                (one["entity_type"], one["recognizer"], _marked(text, one["start"], one["end"])) for one in found
            ]
            for span in spans:
                asked[span[2]] += 1
                hit[span[2]] += protected(span, text, found)
                if not protected(span, text, found):
                    before = conversation["turns"][at - 1]["text"] if at else ""
                    misses[span[2]].append(f"{before[-70:]} || {_marked(text, span[0], span[1])}")
    return {
        "asked": asked, "hit": hit, "types": types, "redacted": redacted, "misses": misses,
        "share": covered / max(1, characters), "over": over / max(1, outside),
        "precision": touching / max(1, len(redacted)),
    }  # fmt: skip


def _marked(text: str, start: int, end: int) -> str:
    return f"{text[max(0, start - 60) : start]}[[{text[start:end]}]]{text[end : end + 40]}".replace("\n", " ")


def show(name: str, figures: dict[str, Any], labels: frozenset[str] | None, seconds: float) -> None:
    """Print one set's figures."""
    asked: Counter[str] = figures["asked"]
    wanted = [label for label, _ in asked.most_common() if labels is None or label in labels]
    total, hit = sum(asked[label] for label in wanted), sum(figures["hit"][label] for label in wanted)
    print(f"{name}: protected {hit / max(1, total):.3f} of {total:,}, {seconds:.1f} s")
    shares = f"over {figures['over']:.4f}, precision {figures['precision']:.3f}"
    print(f"  characters redacted {figures['share']:.4f}, {shares}")
    for label in wanted:
        print(f"  {label:<28}{asked[label]:>6} {figures['hit'][label] / asked[label]:>7.3f}")
    print("  found:", ", ".join(f"{kind} {count}" for kind, count in figures["types"].most_common(24)))


def main() -> None:
    """Run both sets and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--conversations", type=int, default=0, help="only the first so many of star; 0 takes all")
    parser.add_argument("--sample", type=int, default=0, help="redactions of star to show, for reading")
    parser.add_argument("--misses", default="", help="a label whose misses are shown")
    parser.add_argument("--set", choices=("star", "multidogo", "both"), default="both")
    given = parser.parse_args()
    star = list(joined(given.data))[: given.conversations or None] if given.set != "multidogo" else []
    multidogo: list[tuple[dict[str, Any], Gold]] = []
    if given.set != "star":
        for entry in records(given.data / "pii/multidogo_dev.jsonl.gz"):
            spans = [(span["start"], span["end"], span["label"]) for span in entry["spans"]]
            multidogo.append(({"turns": [{"text": entry["text"], "role": "customer"}]}, {0: spans}))
    chance = random.Random(20_260)
    for name, pairs, labels in (("star", star, None), ("multidogo", multidogo, ASKED_FOR)):
        if not pairs:
            continue
        start = time.perf_counter()
        figures = measure(pairs, given.workers)
        show(name, figures, labels, time.perf_counter() - start)
        for kind, recognizer, place in chance.sample(figures["redacted"], min(given.sample, len(figures["redacted"]))):
            print(f"    {kind} ({recognizer}): {place}")
        for place in chance.sample(figures["misses"][given.misses], min(40, len(figures["misses"][given.misses]))):
            print(f"    miss: {place}")


if __name__ == "__main__":
    main()
