"""Read a TOML table key by key, remembering every mistake instead of stopping at the first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from store.errors import unknown_name

Value = TypeVar("Value")
WORDING: dict[type[Any], str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a rule pack: file, place in it, and what is wrong."""

    file: str
    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.place}: {self.message}" if self.file else f"{self.place}: {self.message}"


@dataclass(slots=True)
class Table:
    """One table of a pack; `problems` is shared by all tables of a reading."""

    raw: dict[str, Any]
    file: str
    place: str
    problems: list[Problem]

    def complain(self, key: str, message: str) -> None:
        """Remember a mistake at a key."""
        self.problems.append(Problem(self.file, self.place, f"{key} {message}"))

    def has(self, key: str) -> bool:
        """Say whether the key is given."""
        return key in self.raw

    def only(self, known: Sequence[str]) -> None:
        """Complain of keys that mean nothing here."""
        for key in self.raw:
            if key not in known:
                wrong = unknown_name("key", key, known) if known else f"There is no key {key!r}: none is taken here."
                self.problems.append(Problem(self.file, self.place, wrong))

    def value(self, key: str, kind: type[Value], default: Value) -> Value:
        """Give a value of the right type, or the default where it is missing or wrong."""
        given = self.raw.get(key, default)
        if kind is float and type(given) is int:
            return cast("Value", float(given))
        if type(given) is kind:
            return given
        self.complain(key, f"is {given!r}, but must be {WORDING[kind]}.")
        return default

    def text(self, key: str) -> str:
        """Give a text that must be there and not be empty."""
        if not self.has(key):
            self.complain(key, "is missing.")
            return ""
        given = self.value(key, str, "")
        if not given.strip() and isinstance(self.raw[key], str):
            self.complain(key, "is empty.")
        return given

    def number(self, key: str) -> float | None:
        """Give a number, or None where there is none."""
        return self.value(key, float, 0.0) if self.has(key) else None

    def texts(self, key: str) -> list[str]:
        """Give a text or a list of texts as a list."""
        given = self.raw.get(key)
        items: list[Any] = [given] if isinstance(given, str) else self.value(key, list, [])
        wrong = [item for item in items if not isinstance(item, str)]
        if wrong:
            self.complain(key, f"holds {wrong[0]!r}, but must hold texts.")
        return [item for item in items if isinstance(item, str)]

    def choice(self, key: str, known: Collection[str], kind: str) -> str:
        """Give a text that must be one of the known names; the first of them where it is missing or wrong."""
        given = self.text(key)
        return given if given and self.known(key, given, known, kind) else ""

    def known(self, key: str, name: str, known: Collection[str], kind: str) -> bool:
        """Say whether a name is known, complaining where it is not."""
        if name in known:
            return True
        self.complain(key, f"is wrong. {unknown_name(kind, name, known)}")
        return False

    def table(self, key: str) -> Table:
        """Give the table under a key, empty where it is missing."""
        return Table(self.value(key, dict, {}), self.file, f"{self.place}, {key}", self.problems)

    def tables(self, key: str, *, needed: bool = False) -> list[Table]:
        """Give the tables of a list under a key."""
        given: list[Any] = self.value(key, list, [])
        if needed and not given:
            self.complain(key, "is missing: a rule shows at least one.")
        for item in given:
            if not isinstance(item, dict):
                self.complain(key, f"holds {item!r}, but must hold tables, as in [[{key}]].")
        return [
            Table(item, self.file, f"{self.place}, {key} {number}", self.problems)
            for number, item in enumerate(given, start=1)
            if isinstance(item, dict)
        ]
