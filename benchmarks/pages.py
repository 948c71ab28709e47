"""Measure the pages and the API on the store of `benchmarks.store`: answers, first load, decisions, twenty reviewers.

    python -m benchmarks.pages FOLDER [--conversations 1000000] [--requests 40] [--minutes 5] [--only review]

The bounds are those that chatmill promises for a million conversations. Times are those of a client on this machine,
from the request to the last byte of the answer; the processor column is the server's own time for one answer.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from benchmarks.pages_asked import Asked, calls
from benchmarks.pages_browser import in_browser
from benchmarks.pages_load import read_while_loading
from benchmarks.pages_reviewers import review_together
from benchmarks.pages_served import ERRORS, Client, Served, serving, tokens
from benchmarks.store import build
from store.workspace import Workspace

BOUND = 100.0
REVIEWERS = 20
ADMIN = "Benchmark"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure beside its bound; what is counted rather than timed has no processor time."""

    what: str
    bound: float
    figure: float
    unit: str = "ms"
    most: float | None = None
    processor: float | None = None

    @property
    def is_held(self) -> bool:
        """Tell whether the promise is kept."""
        return self.figure <= self.bound


def percentile(times: Sequence[float], share: float = 0.95) -> float:
    """Give the time that a share of the answers did not exceed."""
    ordered = sorted(times)
    return ordered[max(0, -(-len(ordered) * round(share * 100) // 100) - 1)]


def measured(served: Served, client: Client, asked: Asked, requests: int) -> Row:
    """Ask for one thing many times, with other arguments each time."""
    times: list[float] = []
    before = served.cpu()
    for number, ask in zip(range(requests), cycle(asked.asks), strict=False):
        answer = ask(client)
        if answer.status >= ERRORS:
            raise RuntimeError(f"{asked.what}, request {number}: {answer.status} {answer.body[:300]!r}")
        times.append(answer.took)
    processor = (served.cpu() - before) * 1000 / requests
    return Row(asked.what, BOUND, percentile(times), most=max(times), processor=processor)


def run(workspace: Workspace, *, requests: int, minutes: float, only: str) -> Iterator[Row]:
    """Measure everything whose name holds `only`, and give the figures as they come."""
    secret = tokens(workspace, {ADMIN: "admin"})[ADMIN]
    with workspace.open() as store:
        asked = calls(store, workspace.root, requests)
    with serving(workspace) as served:
        client = Client(served.address, secret)
        for one in asked:
            if only in one.what:
                yield measured(served, client, one, requests)
        if only in "browser":
            for what, bound, figure, unit in in_browser(served.link):
                yield Row(what, bound, figure, unit)
        if only in "ingest":
            times = read_while_loading(served.address, secret, [one for one in asked if one.is_read])
            yield Row(f"ingest: reading meanwhile ({len(times)} requests)", BOUND, percentile(times), most=max(times))
    if only in "together" and minutes:
        names = tuple(f"Reviewer {number:02}" for number in range(REVIEWERS))
        for what, bound, figure, unit in review_together(workspace, names, minutes):
            yield Row(what, bound, figure, unit)


def main() -> None:
    """Print a row a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--conversations", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=40)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--only", default="", help="What stands in the names of the rows that are wanted.")
    given = parser.parse_args()
    workspace = build(given.folder, given.conversations)
    print(f"{'':46}{'bound':>9}{'p95':>10}{'most':>10}{'processor':>11}")
    rows: list[Row] = []
    for row in run(workspace, requests=given.requests, minutes=given.minutes, only=given.only):
        rows.append(row)
        rest = [f"{value:10.0f}" if value is not None else " " * 10 for value in (row.most, row.processor)]
        held = "held" if row.is_held else "MISSED"
        print(f"{row.what:46}{row.bound:9.0f}{row.figure:10.1f}{''.join(rest)}  {row.unit:9}{held}", flush=True)
    print(f"{sum(row.is_held for row in rows)} of {len(rows)} held")


if __name__ == "__main__":
    main()
