"""People's names, word by word: each word of a customer's world has one stand-in, so that variants stay one person.

"Maria Gonzales", "maria", "Ms. Gonzales" and "Maria G." become the parts of the same surrogate.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from curate.redact.known import plain_text
from curate.redact.names import PARTICLES, TITLES
from curate.redact.operators.shapes import in_case
from curate.redact.operators.streams import LETTERS, Stream
from curate.redact.operators.words import FAMILY, GIVEN, LOCALES, kinds, known_as, locale_of, words

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]{2,})*")
GENITIVE = re.compile(r"['’]s\b", re.IGNORECASE)
GIVEN_NAME, FAMILY_NAME = "given", "family"


@dataclass(frozen=True, slots=True)
class Part:
    """One word of a name: its place in the spelling, its plain form, and whether it is given or of the family.

    `plain` of an initial is one letter.
    """

    start: int
    end: int
    plain: str
    kind: str

    @property
    def mark(self) -> str:
        """Give what its surrogate is stored under: the word, or the initial with its kind."""
        return self.plain if len(self.plain) > 1 else f"{self.kind} {self.plain}"


def parts_of(name: str) -> list[Part]:
    """Give the words of a name that are replaced: not titles, particles and genitive endings, unless all of it is.

    The first is a given name and the others are the family's; one alone after a title is the family's too.
    """
    found = [one for one in WORD.finditer(name) if not GENITIVE.match(name, max(0, one.start() - 1))]
    titled = any(plain_text(one[0]) in TITLES for one in found)
    own = [one for one in found if plain_text(one[0]) not in TITLES | PARTICLES] or found
    plains = [plain_text(one[0]) for one in own]
    return [
        Part(one.start(), one.end(), plain, kind)
        for one, plain, kind in zip(own, plains, _kinds(plains, titled=titled), strict=True)
    ]


def _kinds(plains: list[str], *, titled: bool) -> list[str]:
    if len(plains) < 2:
        lists = known_as("".join(plains))
        is_family = (FAMILY in lists and not lists & set(GIVEN)) or (titled and not lists & set(GIVEN))
        return [FAMILY_NAME if is_family else GIVEN_NAME] * len(plains)
    turned = len(plains) == 2 and known_as(plains[0]) == frozenset({FAMILY}) and bool(known_as(plains[1]) & set(GIVEN))
    rest = [FAMILY_NAME] * (len(plains) - 1)
    return [*rest, GIVEN_NAME] if turned else [GIVEN_NAME, *rest]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A word to draw a surrogate for, with the list it is drawn from."""

    mark: str
    locale: str
    lists: tuple[str, ...]  # female, male or last; of two, the draw decides


def wanted(names: Iterable[tuple[str, str]]) -> Iterator[Wanted]:
    """Give the words of some (name, language) that need surrogates, each once: those of the longest names first.

    A full name tells which word is given and which locale it is of; so the order of the names does not matter.
    """
    seen: set[str] = set()
    read = sorted({(tuple(parts_of(name)), language) for name, language in names}, key=_fullest)
    for parts, language in read:
        locale = _locale(parts, language)
        for part in parts:
            if part.mark not in seen:
                seen.add(part.mark)
                yield Wanted(part.mark, locale, _lists(part, locale))


def _fullest(entry: tuple[tuple[Part, ...], str]) -> tuple[int, list[str], str]:
    parts, language = entry
    return (-sum(len(part.plain) > 1 for part in parts), [part.mark for part in parts], language)


def _locale(parts: tuple[Part, ...], language: str) -> str:
    """Give the locale whose lists hold most of a name; the language's where several do."""
    own = locale_of(language)
    return max((own, *LOCALES), key=lambda locale: sum(part.plain in kinds(locale) for part in parts))


def _lists(part: Part, locale: str) -> tuple[str, ...]:
    if part.kind == FAMILY_NAME:
        return (FAMILY,)
    lists = kinds(locale).get(part.plain) or known_as(part.plain)
    return tuple(one for one in GIVEN if one in lists) or GIVEN


def draw(one: Wanted, stream: Stream) -> str:
    """Draw a name for a word; names of one word only, so that words and surrogates go one to one."""
    lists = one.lists[stream.below(len(one.lists))]
    return stream.pick(words(one.locale, lists))


def initial(mark: str, drawn: dict[str, str], families: set[str], stream: Stream) -> str:
    """Give the surrogate of an initial: that of a drawn word that begins with it, else any letter.

    An initial of the family's kind is rather that of one of the `families`.
    """
    letter, is_family = mark[-1], mark.startswith(FAMILY_NAME)
    fitting = sorted(((word in families) != is_family, word) for word in drawn if word[0] == letter)
    if fitting:
        return plain_text(drawn[fitting[0][1]][0]).upper()
    return stream.letters(1, LETTERS.replace(letter, "")).upper()


def render(name: str, surrogates: dict[str, str]) -> str:
    """Put the surrogates of its words (by mark) into a name, in the case of each word."""
    text = name
    for part in reversed(parts_of(name)):
        text = text[: part.start] + in_case(surrogates[part.mark], name[part.start : part.end]) + text[part.end :]
    return text
