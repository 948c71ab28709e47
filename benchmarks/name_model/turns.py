"""Synthetic support turns: templates filled with invented people, then roughened as people type.

A text is a list of (character, label) pairs throughout, so that every change of the text moves its labels along.
"""

import random
import re
import string
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.name_model.pools import Drawer, pools

Labelled = list[tuple[str, str]]

TEMPLATES: dict[str, dict[str, list[str]]] = tomllib.loads(
    (Path(__file__).parent / "templates.toml").read_text(encoding="utf-8")
)
SLOT = re.compile(r"\{([A-Z])\}")
LABEL = {
    "P": "PERSON",
    "F": "PERSON",
    "L": "PERSON",
    "C": "LOCATION",
    "S": "ADDRESS",
    "T": "ADDRESS",
    "Z": "ADDRESS",
    "O": "ORGANIZATION",
}
# Shares of languages and of kinds of templates. Nothing to find is the commonest case in support, and must stay so.
LANGUAGES = {"en": 0.70, "de": 0.06, "es": 0.08, "fr": 0.05, "pt": 0.04, "it": 0.04, "nl": 0.03}
KINDS = {"answers": 0.26, "talk": 0.14, "places": 0.10, "addresses": 0.13, "firms": 0.04, "nothing": 0.33}
LETTERS = string.ascii_lowercase


def synthetic(number: int, seed: int) -> Iterator[Labelled]:
    """Make so many turns."""
    rng = random.Random(seed)
    draw = Drawer(rng, pools(seed))
    languages, kinds = list(LANGUAGES), list(KINDS)
    for _ in range(number):
        language = rng.choices(languages, list(LANGUAGES.values()))[0]
        kind = rng.choices(kinds, list(KINDS.values()))[0]
        turn = _turn(draw, language, kind)
        if draw.chance(0.2):  # two sentences in one turn
            other = rng.choices(kinds, list(KINDS.values()))[0]
            turn = [*turn, *_plain(rng.choice((" ", ". ", "\n", ", ", "! "))), *_turn(draw, language, other)]
        yield roughened(turn, draw)


def synthetic_in(language: str, number: int, seed: int) -> Iterator[Labelled]:
    """Make so many turns of one language, roughened as all are."""
    draw = Drawer(random.Random(f"{seed} {language}"), pools(seed))
    for _ in range(number):
        kind = draw.rng.choices(list(KINDS), list(KINDS.values()))[0]
        yield roughened(_turn(draw, language, kind), draw)


def _turn(draw: Drawer, language: str, kind: str) -> Labelled:
    template = draw.rng.choice(TEMPLATES[language].get(kind) or TEMPLATES[language]["nothing"])
    turn: Labelled = []
    done = 0
    for slot in SLOT.finditer(template):
        turn += _plain(template[done : slot.start()])
        label = LABEL.get(slot[1], "O")
        turn += [(character, label) for character in _value(slot[1], draw, language)]
        done = slot.end()
    return turn + _plain(template[done:])


def _value(slot: str, draw: Drawer, language: str) -> str:
    make: dict[str, Callable[[], str]] = {
        "P": lambda: draw.person(language),
        "F": lambda: draw.first(language),
        "L": lambda: draw.last(language),
        "C": lambda: draw.place(language),
        "S": lambda: draw.street(language),
        "T": draw.road,
        "Z": lambda: draw.zip(language),
        "O": lambda: draw.firm(language),
        "X": draw.thing,
        "A": lambda: draw.rng.choice(LETTERS),
        "E": lambda: _mail(draw, language),
        "D": lambda: _date(draw.rng),
        "W": lambda: _password(draw),
        "N": lambda: _number(draw.rng),
    }
    return make[slot]()


def _mail(draw: Drawer, language: str) -> str:
    link, host = draw.rng.choice((".", "_", "", "4")), ("gmail.com", "example.org", "yahoo", "mail.com")
    address = f"{draw.first(language)}{link}{draw.last(language)}@{draw.rng.choice(host)}"
    return address.lower().replace(" ", "")


def _date(rng: random.Random) -> str:
    months = ("jan", "feb", "march", "april", "may", "june", "july", "aug", "september", "oct", "nov", "december")
    month, day, year = rng.choice(months), rng.randint(1, 28), rng.randint(15, 27)
    numbers = f"{day}/{rng.randint(1, 12)}/20{rng.randint(15, 27)}"
    written = (f"{month} {day}", f"{day} {month}", f"{day}th of {month}", f"{month} {day}, 20{year}")
    told = ("monday", "tuesday", "friday", "sunday", "tomorrow", "today")
    return rng.choice((*written, *told, numbers, "next week", "last night", month, "saturday"))


def _number(rng: random.Random) -> str:
    digits = "".join(rng.choice(string.digits) for _ in range(rng.randint(1, 12)))
    letters = "".join(rng.choice(LETTERS) for _ in range(rng.randint(1, 4)))
    spaced = " ".join(
        rng.choice(LETTERS) if rng.random() < 0.4 else str(rng.randint(0, 99)) for _ in range(rng.randint(2, 6))
    )
    spoken = " ".join(
        rng.choice(("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero", "double"))
        for _ in range(rng.randint(2, 6))
    )
    amount = (
        f"{rng.choice('$€£')}{rng.randint(1, 900)}"
        if rng.random() < 0.5
        else f"{rng.randint(1, 900)} {rng.choice(('dollars', 'usd', 'euro', 'rs', 'gb', 'mb', 'pm', 'am'))}"
    )
    return rng.choice(
        (
            digits,
            digits,
            digits,
            letters + digits,
            f"{letters}-{digits}",
            spaced,
            spaced,
            spoken,
            amount,
            str(rng.randint(1, 99)),
        )
    )


def _password(draw: Drawer) -> str:
    stem = draw.rng.choice((draw.thing().replace(" ", ""), draw.first("en").replace(" ", "")))
    return f"{stem}{draw.rng.choice('@#_*!')}{draw.rng.randint(1, 9999)}"


def _plain(text: str) -> Labelled:
    return [(character, "O") for character in text]


def roughened(turn: Labelled, draw: Drawer) -> Labelled:
    """Mistype a text, now and then: letters dropped, doubled, swapped or replaced, punctuation and spaces left out."""
    if draw.chance(0.35):
        turn = [one for one in turn if one[0] not in ".,!?'’:;"] or turn
    if draw.chance(0.25):
        for _ in range(1 + len(turn) // 40):
            turn = _mistyped(turn, draw.rng)
    if draw.chance(0.06):
        turn = _joined(turn, draw.rng)
    if draw.chance(0.08):
        turn = [*turn, *_plain(draw.rng.choice((" ", ".", "..", "...", "!", " :)", " 😊", "?", " pls", " thx")))]
    return turn


def _mistyped(turn: Labelled, rng: random.Random) -> Labelled:
    places = [at for at, (character, _) in enumerate(turn) if character.isalpha()]
    if len(places) < 4:
        return turn
    at = rng.choice(places[:-1])
    character, label = turn[at]
    match rng.randrange(4):
        case 0:
            return turn[:at] + turn[at + 1 :]
        case 1:
            return [*turn[:at], (character, label), *turn[at:]]
        case 2 if turn[at + 1][1] == label and turn[at + 1][0] != " ":
            return [*turn[:at], turn[at + 1], turn[at], *turn[at + 2 :]]
        case _:
            return [*turn[:at], (rng.choice(LETTERS), label), *turn[at + 1 :]]


def _joined(turn: Labelled, rng: random.Random) -> Labelled:
    """Leave out a space between two characters that carry the same label."""
    places = [at for at in range(1, len(turn) - 1) if turn[at][0] == " " and turn[at - 1][1] == turn[at + 1][1]]
    if not places:
        return turn
    at = rng.choice(places)
    return turn[:at] + turn[at + 1 :]
