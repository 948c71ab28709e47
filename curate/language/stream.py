"""The language filter: JSON lines in, the language of each out, without a workspace."""

from collections.abc import Iterable, Iterator
from typing import Any

from curate.filters import FilterLine, read_lines
from curate.language.telling import Reading, read, sample, settle, sure_of
from store.settings import Settings


def language_stream(lines: Iterable[str | bytes], settings: Settings | None = None) -> Iterator[dict[str, Any]]:
    """Give {"id", "lang", "confidence"} for every line, in order.

    A line's customer turns decide, then all of its turns, then the first of the settings' languages.

    Raises:
        CurateError: a line cannot be read.
    """
    chosen = settings or Settings()
    for line in read_lines(lines):
        yield _told(line, chosen)


def _told(line: FilterLine, settings: Settings) -> dict[str, Any]:
    languages, prior = settings.workspace.languages, settings.language.prior
    customer = read(sample([text for role, text in line.turns if role == "customer"]), languages, prior)
    whole = Reading()
    if sure_of(customer, languages, settings.language) is None:
        whole = read(sample([text for role, text in line.turns if role != "system"]), languages, prior)
    told = settle(customer, whole, stated=None, languages=languages, settings=settings.language)
    return {"id": line.id, "lang": told.language, "confidence": told.confidence}
