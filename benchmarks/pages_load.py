"""Read pages while the server takes an export in."""

import io
import json
from itertools import cycle

from benchmarks.pages_asked import Asked
from benchmarks.pages_served import ERRORS, Client

API = "/api/v1"
CONVERSATIONS = 40_000
TURNS = 6
LEFT_OUT = ("effect", "same text", "another sample")
"""What people ask for seldom, and not while they wait for an import."""


def read_while_loading(address: str, token: str, asked: list[Asked]) -> list[float]:
    """Ask for one page after the other until the import has ended, and give every answer's milliseconds."""
    client = Client(address, token)
    drop = client.send(f"{API}/drops", {}).json()["drop_id"]
    answer = client.upload(f"{API}/drops/{drop}/files", _export(), name="export.jsonl")
    assert answer.status < ERRORS, answer.body[:300]
    task = client.send(f"{API}/drops/{drop}/import", {}).json()["task_id"]
    times: list[float] = []
    pages = cycle([one for one in asked if not any(word in one.what for word in LEFT_OUT)])
    places: dict[str, int] = {}
    while client.get(f"{API}/tasks/{task}").json()["status"] in ("waiting", "running"):
        for _ in range(10):
            one = next(pages)
            place = places[one.what] = places.get(one.what, -1) + 1
            answer = one.asks[place % len(one.asks)](client)
            assert answer.status < ERRORS, (one.what, answer.status, answer.body[:300])
            times.append(answer.took)
    return times


def _export() -> bytes:
    out = io.StringIO()
    for number in range(CONVERSATIONS):
        turns = [
            {"role": ("customer", "agent")[turn % 2], "text": f"This is line {turn} of the new chat {number}.",
             "ts": 1_790_000_000 + number + turn}
            for turn in range(TURNS)
        ]  # fmt: skip
        out.write(json.dumps({"id": f"new-{number}", "turns": turns}) + "\n")
    return out.getvalue().encode()
