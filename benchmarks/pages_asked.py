"""What is asked of the server, with arguments that vary: every page, and the calls of the API that do the same."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from benchmarks.pages_served import Answer, Client
from curate.quality.packs import workspace_rules
from service.web.paging import encode
from store.database import Store

API = "/api/v1"
DRAWN = "SELECT conversation_key FROM {table} WHERE {where} ORDER BY md5(conversation_key) LIMIT {count}"
Ask = Callable[[Client], Answer]


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that is asked for, in several ways; `is_read` where nothing is changed by it."""

    what: str
    asks: tuple[Ask, ...]
    is_read: bool = True


def calls(store: Store, root: Path, count: int) -> list[Asked]:
    """Give everything that is measured, each with as many arguments as there will be requests."""
    return [*_pages(store, root, count), *_api(store, root, count)]


def _pages(store: Store, root: Path, count: int) -> Iterator[Asked]:
    keys = _column(store, DRAWN.format(table="review_queue", where="state = 'open'", count=count * 2))
    codes = [rule.code for rule in workspace_rules(root) if rule.action != "weight"]
    ended = _column(store, DRAWN.format(table="outcomes", where="TRUE", count=count))
    reasons = zip(_codes(store) * count, ended, strict=False)
    patterns = _column(store, f"SELECT pattern_id FROM patterns ORDER BY md5(pattern_id) LIMIT {count}")
    datasets = _column(store, "SELECT dataset_id FROM datasets")
    yield _got("page: home", ["/"])
    yield _got("page: add transcripts", ["/add"])
    yield _got("page: queue", ["/review", *_queue_pages(store), "/review?kind=PERSON", "/review?state=done"])
    yield _got("page: a conversation", [f"/review/{key}" for key in keys[:count]])
    yield _got("page: patterns", ["/patterns", "/patterns?by=value", "/patterns?by=value&kind=PERSON&all=1"])
    yield _got("page: a pattern", [f"/patterns/{one}" for one in patterns])
    yield _got("page: a pattern, another sample", [f"/patterns/{one}?seed=2" for one in patterns])
    yield _got("page: never and always", ["/lists", "/lists?which=deny"])
    yield _got("page: dropped and kept", ["/outcomes"])
    yield _got("page: one reason", [f"/outcomes/list?code={code}&after={key[:8]}" for code, key in reasons])
    yield _got("page: an outcome", [f"/outcomes/of/{key}" for key in ended])
    listings = [(kind, number) for number in (1, 2, 50) for kind in ("conversations", "macros")]
    yield _got("page: duplicates", [f"/outcomes/duplicates?kind={kind}&number={number}" for kind, number in listings])
    yield _got("page: rules", ["/rules"])
    yield _got("page: a rule", [f"/rules/{code}" for code in codes])
    tried = [f"/rules/{code}/effect?action=drop&most={number / 10}" for number, code in enumerate(codes * 2)]
    yield _got("page: effect of a threshold", tried)
    yield _got("page: recall audit", ["/audit"])
    yield _got("page: read the blind sample", ["/audit/read"])
    yield _got("page: dataset", ["/datasets"])
    yield _got("page: a dataset version", [f"/datasets/{one}" for one in datasets])
    yield _got("page: sign-off", ["/sign-off", *(f"/sign-off/{one}" for one in datasets)])
    yield _got("page: jobs", ["/jobs"])
    yield _got("page: a job", ["/jobs/job-1"])
    yield _got("page: history", ["/history", "/history?actor=Ann", "/history?words=rest"])
    yield _got("page: people and settings", ["/people"])
    yield from _acts(store, keys[count:], count)


def _acts(store: Store, keys: Sequence[str], count: int) -> Iterator[Asked]:
    found = store.rows(
        "SELECT v.conversation_key, v.finding_id FROM finding_values AS v "
        "WHERE v.conversation_key IN (SELECT unnest(?)) "
        "QUALIFY row_number() OVER (PARTITION BY v.conversation_key ORDER BY v.finding_id) = 1",
        [list(keys)],
    )
    yield Asked("act: decide on a finding", tuple(_deciding(key, one) for key, one in found[:count]), is_read=False)
    everywhere = (_posted(f"/review/{key}/everywhere/ask", {"finding": one}) for key, one in found[:count])
    yield Asked("act: same text everywhere?", tuple(everywhere))
    listing = (_posted(f"/review/{key}/list/ask", {"finding": one, "which": "allow"}) for key, one in found[:count])
    yield Asked("act: effect of a list entry", tuple(listing))
    words = (f"{first} {last}" for first in ("Ada", "Olga", "Parcel", "Kettle") for last in ("Becker", "Lund", "Xu"))
    typed = (_posted("/lists/effect", {"value": word, "which": "deny", "entity_type": "PERSON"}) for word in words)
    yield Asked("act: effect of a typed list entry", tuple(typed))
    yield Asked("act: next conversation", (_posted("/review/next", {}),), is_read=False)


def _api(store: Store, root: Path, count: int) -> Iterator[Asked]:
    keys = _column(store, DRAWN.format(table="review_queue", where="TRUE", count=count))
    codes = [rule.code for rule in workspace_rules(root) if rule.action != "weight"]
    found = _column(store, f"SELECT finding_id FROM finding_values USING SAMPLE {count} ROWS")
    yield _got("api: conversations", [f"{API}/conversations"])
    yield _got("api: a conversation", [f"{API}/conversations/{key}" for key in keys])
    yield _got("api: same text everywhere", [f"{API}/findings/{one}/everywhere" for one in found])
    yield _got("api: decisions", [f"{API}/decisions"])
    yield _got("api: patterns", [f"{API}/patterns"])
    yield _got("api: funnel", [f"{API}/outcomes/funnel"])
    yield _got("api: outcomes of a reason", [f"{API}/outcomes?code={code}" for code in _codes(store)])
    yield _got("api: an outcome", [f"{API}/outcomes/{key}" for key in keys])
    yield _got("api: rules", [f"{API}/rules"])
    yield _got("api: effect of a threshold", [f"{API}/rules/{code}/effect?max=0.{n}" for n, code in enumerate(codes)])
    yield _got("api: spread of a rule", [f"{API}/rules/{code}/spread" for code in codes])
    yield _got("api: blockers", [f"{API}/datasets/blockers"])
    yield _got("api: datasets", [f"{API}/datasets"])
    yield _got("api: audit", [f"{API}/audit"])
    yield _got("api: history", [f"{API}/history"])
    yield _got("api: batches", [f"{API}/batches"])


def _codes(store: Store) -> list[str]:
    return _column(store, "SELECT code FROM outcomes GROUP BY code ORDER BY count(*) DESC")


def _queue_pages(store: Store) -> list[str]:
    rows = store.rows("SELECT risk, conversation_key FROM review_queue WHERE state = 'open' USING SAMPLE 10 ROWS")
    return [f"/review?after={quote(encode(risk, key))}" for risk, key in rows]


def _got(what: str, paths: Sequence[str]) -> Asked:
    return Asked(what, tuple(_getting(path) for path in paths))


def _getting(path: str) -> Ask:
    return lambda client: client.get(path)


def _posted(path: str, form: dict[str, str]) -> Ask:
    return lambda client: client.post(path, form)


def _deciding(key: str, finding: str) -> Ask:
    return _posted(f"/review/{key}/decide", {"finding": finding, "verdict": "accept"})


def _column(store: Store, sql: str) -> list[str]:
    return [value for (value, *_) in store.rows(sql)]
