"""Twenty people review at once, and every decision that the server took is looked for in the store afterwards."""

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from benchmarks.pages_served import ERRORS, Answer, Client, serving, tokens
from store.workspace import Workspace

PAUSE = 1.0
"""Seconds between two acts of one person: quicker than anybody reads."""
OPEN = re.compile(rb'data-detail="([0-9a-f]+)"')
SEEN = re.compile(rb'data-seen="([^"]*)"')
ACTS = "SELECT decided_by, count(*) FROM acts WHERE decided_at >= ? AND decided_by IN (SELECT unnest(?)) GROUP BY ALL"


@dataclass(slots=True)
class Reviewer:
    """One person at work: what was done, what went wrong, how long answers took."""

    name: str
    client: Client
    done: int = 0
    wrong: Counter[str] = field(default_factory=Counter[str])
    times: list[float] = field(default_factory=list[float])

    def work(self, until: float) -> None:
        """Take one conversation after the other: decide on its first findings, accept the rest."""
        while time.monotonic() < until:
            key = self._told(self.client.post("/review/next")).headers.get("location", "").rpartition("/")[2]
            page = self._told(self.client.get(f"/review/{key}"))
            for finding in dict.fromkeys(OPEN.findall(page.body)[:2]):
                seen = SEEN.search(page.body)
                form = {"finding": finding.decode(), "verdict": "accept", "seen": seen[1].decode() if seen else ""}
                page = self._act(f"/review/{key}/decide", form)
            self._act(f"/review/{key}/rest", {})

    def _act(self, path: str, form: Mapping[str, str]) -> Answer:
        time.sleep(PAUSE)
        answer = self._told(self.client.post(path, form))
        self.done += answer.status < ERRORS
        return answer

    def _told(self, answer: Answer) -> Answer:
        self.times.append(answer.took)
        if answer.status >= ERRORS:
            self.wrong[f"{answer.status} {answer.body[:200]!r}"] += 1
        return answer


def review_together(
    workspace: Workspace, names: tuple[str, ...], minutes: float
) -> Iterator[tuple[str, float, float, str]]:
    """Let everybody review for so long; give errors, lost decisions and times, each with its bound."""
    secrets = tokens(workspace, dict.fromkeys(names, "reviewer"))
    with workspace.open() as store:
        began = store.value("SELECT now()")
    with serving(workspace) as served:
        people = [Reviewer(name, Client(served.address, secret)) for name, secret in secrets.items()]
        until = time.monotonic() + minutes * 60
        threads = [threading.Thread(target=one.work, args=(until,)) for one in people]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with workspace.open() as store:
        kept: dict[str, int] = dict(store.rows(ACTS, [began, list(names)]))
    errors = sum((one.wrong for one in people), Counter[str]())
    for words, count in errors.most_common(3):
        print(f"  {count} times: {words}", flush=True)
    done, times = sum(one.done for one in people), sorted(time for one in people for time in one.times)
    lost = sum(abs(one.done - kept.get(one.name, 0)) for one in people)
    yield f"together: errors of {len(people)} reviewers", 0.0, float(errors.total()), "errors"
    yield f"together: lost of {done:,} decisions", 0.0, float(lost), "lost"
    yield f"together: {len(times):,} answers, p95", 1000.0, times[int(len(times) * 0.95)], "ms"
