"""What the model is trained on: public sets beside the checkout, and synthetic turns.

Never trained on, for they measure the model: multidogo, star, meddocan, the dev parts of btc and wnut17, and every
fourth text of germeval.
"""

import gzip
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from benchmarks.name_model.network import LABELS, minilm_folder
from benchmarks.name_model.turns import Labelled, synthetic

SHARED = Path(__file__).parents[3] / "shared/data"
SEED = 20_260
LONGEST = 96  # tokens, with the two that frame a text
HELD_OUT = 4  # every so many texts of germeval measure the German figures
IGNORED = -100  # what the loss leaves out: tokens that only carry on a word
MEANING = {
    "PER": "PERSON", "person": "PERSON", "PERSON": "PERSON",
    "LOC": "LOCATION", "location": "LOCATION",
    "ORG": "ORGANIZATION", "group": "ORGANIZATION", "corporation": "ORGANIZATION",
    "ORGANIZATION": "ORGANIZATION", "BANK": "ORGANIZATION",
}  # fmt: skip
UNCLEAR = {"PERpart", "LOCpart", "ORGpart", "PERderiv", "ORGderiv"}  # texts with these are left out
HANDLE = re.compile(r"@ ?[A-Za-z0-9_]+")
SPACED = re.compile(r" (?=[.,!?;:)]( |$))| (?='s( |$))| (?=n't( |$))| (?='(?:m|re|ve|ll|d)( |$))|(?<=\() ")
Example = tuple[list[int], list[int]]  # token ids, and the label of each


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Read a set of the shared data."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def labelled(row: dict[str, Any]) -> Labelled:
    """Give a text's characters with our labels, handles made one word that is nobody."""
    text = row["text"]
    labels = ["O"] * len(text)
    for span in sorted(row["spans"], key=lambda one: one["start"] - one["end"]):  # nested ones give way to the outer
        label = MEANING.get(span["label"])
        for at in range(span["start"], span["end"]) if label else ():
            labels[at] = label if labels[at] == "O" else labels[at]
    drop: set[int] = set()
    for handle in HANDLE.finditer(text):
        labels[handle.start() : handle.end()] = ["O"] * len(handle[0])
        drop.update(handle.start() + at for at, character in enumerate(handle[0]) if character == " ")
    return [
        (character, label) for at, (character, label) in enumerate(zip(text, labels, strict=True)) if at not in drop
    ]


def closed_up(turn: Labelled) -> Labelled:
    """Take out the spaces that a tokenizer put before punctuation."""
    gone = {found.start() for found in SPACED.finditer("".join(character for character, _ in turn))}
    return [one for at, one in enumerate(turn) if at not in gone]


def public(rng: random.Random) -> Iterator[tuple[str, Labelled, int]]:
    """Give the public sets' training parts: set, text, and how often it is used."""
    for name, part, times in (
        ("btc_train_dev", "train", 4),
        ("wnut17_train_dev", "train", 4),
        ("germeval14_dev", "dev", 2),
        ("nannigalaxy_pii", "all", 3),
    ):
        for number, row in enumerate(rows(SHARED / f"pii/{name}.jsonl.gz")):
            kept = row["split"] == part and not (part == "dev" and number % HELD_OUT == 0)
            if kept and not any(span["label"] in UNCLEAR for span in row["spans"]):
                turn = labelled(row)
                yield name, closed_up(turn) if rng.random() < 0.5 else turn, times


def german() -> Iterator[Labelled]:
    """Give the held-out German texts, with partial names left out as in training."""
    for number, row in enumerate(rows(SHARED / "pii/germeval14_dev.jsonl.gz")):
        if number % HELD_OUT == 0 and not any(span["label"] in UNCLEAR for span in row["spans"]):
            yield labelled(row)


def without_names(rng: random.Random) -> Iterator[Labelled]:
    """Give real questions that hold no names: bank customers' and callers of a restaurant desk."""
    questions = [row["turns"][0]["text"] for row in rows(SHARED / "conversations/banking77.jsonl.gz")]
    questions = [text for text in questions if not re.search(r"(?<=\w )[A-HJ-Z][a-z]+|\bUS|UK|EU", text)]
    desk = [
        turn["text"]
        for name in ("woz2_multi", "code_mixed_dstc2_dev")
        for row in rows(SHARED / f"conversations/{name}.jsonl.gz")
        for turn in row["turns"]
        if turn["speaker"] == "customer"
    ]
    desk = sorted({text for text in desk if text.islower() and not re.search("food|restaurant|serve|cuisine", text)})
    for text in [*rng.sample(questions, min(4000, len(questions))), *rng.sample(desk, min(2000, len(desk)))]:
        yield [(character, "O") for character in text]


def encode(tokenizer: Tokenizer, turn: Labelled) -> Example | None:
    """Give a text's tokens and labels; a word's first token carries its label, the rest are left out of the loss."""
    encoding = tokenizer.encode("".join(character for character, _ in turn))
    ids, labels = encoding.ids[:LONGEST], [IGNORED] * len(encoding.ids)
    last = None
    for at, (word, (start, end)) in enumerate(zip(encoding.word_ids, encoding.offsets, strict=True)):
        if word is not None and word != last and start < end:
            labels[at] = LABELS.index(turn[start][1])
        last = word
    return (ids, labels[:LONGEST]) if len(ids) > 2 else None


def tokenizer() -> Tokenizer:
    """Give MiniLM's tokenizer, which lower-cases and takes accents off."""
    made = Tokenizer.from_file(str(minilm_folder() / "tokenizer.json"))
    made.no_padding()
    made.no_truncation()
    return made


def examples(number: int) -> tuple[list[Example], list[Example]]:
    """Give what to train on, with `number` synthetic turns, and what thresholds are chosen on, in a fixed order."""
    rng = random.Random(SEED)
    words = tokenizer()
    train: list[Example | None] = []
    chosen: list[Example | None] = []
    for at, (_, turn, times) in enumerate(public(rng)):
        if at % 20 == 0:
            chosen.append(encode(words, turn))
        else:
            train += [encode(words, turn)] * times
    train += [encode(words, turn) for turn in without_names(rng)]
    train += [encode(words, turn) for turn in synthetic(number, SEED)]
    chosen += [encode(words, turn) for turn in synthetic(3000, SEED + 1)]
    return [one for one in train if one], [one for one in chosen if one]
