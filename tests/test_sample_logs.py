"""The samples are what their README says: made again byte for byte, invented throughout, odd in every promised way."""

import csv
import gzip
import html
import io
import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from python_calamine import CalamineWorkbook

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "sample_logs"
PLANTED = ROOT / "tests" / "planted.json"
HAND_WRITTEN = frozenset({"whatsapp", "telegram", "slack", "discord", "teams"})
"""Folders that nobody generates: each line is there for a trap of its format."""

CARDS = {
    "4111111111111111", "5555555555554444", "4242424242424242", "4012888888881881", "5105105105105100",
    "378282246310005", "371449635398431", "6011111111111117", "3530111333300000",
}  # fmt: skip
PHONES = re.compile(
    r"(\+1 |\()?\d{3}(\) |-)555-01\d\d|\+1\d{3}55501\d\d|020 7946 0\d{3}|(\+44 7700|07700) 900\d{3}"
    r"|030 23125\d{3}|0171 39200\d{2}|\+49 69 90009\d{3}|06 39 98 \d\d \d\d|\+33 1 99 00 \d\d \d\d"
)
LIKE_A_PHONE = re.compile(r"\+\d[\d -]{8,}\d|\(\d{3}\) \d{3}-\d{4}")
LIKE_AN_EMAIL = re.compile(r"[A-Za-z0-9_.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
COMPANY = re.compile(r".*@(lindwurm|tidewick|harbourpine|kestrel)\.example\.com")
LIKE_A_CARD = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")

Texts = dict[str, list[str]]


@pytest.fixture(scope="module")
def planted() -> dict[str, Any]:
    return json.loads(PLANTED.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def texts() -> dict[str, Texts]:
    return {file: read(FOLDER / file) for file, read in READERS.items()}


def table_texts(rows: list[list[Any]], ident: int, text: int) -> Texts:
    found: Texts = defaultdict(list)
    for row in rows[1:]:
        if len(row) > text:
            found[str(row[ident])].append(str(row[text]))
    return found


def chats(path: Path) -> Texts:
    return table_texts(list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig")))), 0, 5)


def legacy(path: Path) -> Texts:
    return table_texts(list(csv.reader(io.StringIO(path.read_bytes().decode("cp1252")), delimiter=";")), 0, 5)


def calls(path: Path) -> Texts:
    return table_texts(CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python(), 0, 4)


def transcripts(path: Path) -> Texts:
    found: Texts = {}
    for ident, transcript in pl.read_parquet(path).select("chat_id", "transcript").iter_rows():
        found[ident] = [turn["text"] for turn in parsed(transcript or "") or []]
    return found


def parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        return None


def records(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        record = parsed(line)
        if isinstance(record, dict):
            yield record


def app_chats(path: Path) -> Texts:
    text = gzip.decompress(path.read_bytes()).decode()
    return {record["id"]: [turn["text"] for turn in record["turns"]] for record in records(text)}


def events(path: Path) -> Texts:
    found: Texts = defaultdict(list)
    for record in records(path.read_text(encoding="utf-8")):
        found[str(record.get("thread"))].append(record["body"])
    return found


def openai_messages(path: Path) -> Texts:
    found: Texts = {}
    for record in records(path.read_text(encoding="utf-8")):
        if record.get("messages"):
            strings: list[str] = []
            for message in record["messages"]:
                content = message["content"] or ""
                strings += [content] if isinstance(content, str) else [part["text"] for part in content]
                strings += [call["function"]["arguments"] for call in message.get("tool_calls", ())]
            found[record["id"]] = strings
    return found


def sharegpt(path: Path) -> Texts:
    items = [item for item in json.loads(path.read_text(encoding="utf-8")) if isinstance(item, dict)]
    return {item["id"]: [turn["value"] for turn in item["conversations"]] for item in items}


def dump(path: Path) -> Texts:
    found: Texts = defaultdict(list)
    for ticket in json.loads(path.read_text(encoding="utf-8"))["tickets"]:
        found[str(ticket["id"])].append(ticket["description"])
    for comment in json.loads((path.parent / "comments.json").read_text(encoding="utf-8"))["comments"]:
        found[str(comment["ticket_id"])].append(comment["body"])
    return found


def export(path: Path) -> Texts:
    found = records(path.read_text(encoding="utf-8"))
    return {str(ticket["id"]): [comment["body"] for comment in ticket["comments"]] for ticket in found}


def intercom(path: Path) -> Texts:
    found: Texts = {}
    for item in json.loads(path.read_text(encoding="utf-8"))["conversations"]:
        if isinstance(item, dict) and "id" in item:
            parts = item.get("conversation_parts", {}).get("conversation_parts", [])
            bodies = [item["source"]["body"], *(part["body"] for part in parts if part["body"])]
            found[item["id"]] = [html.unescape(body.replace("<br>", "\n")) for body in bodies]
    return found


def plain_transcripts(path: Path) -> Texts:
    """What is said in each conversation: what stands behind the speakers, and the lines that go on with it."""
    found: Texts = {}
    roles, times = (
        re.compile(r"(?:Customer|Agent|Bot): (.*)"),
        re.compile(r"(?:\[[\d:]+\] |[\d.]+ [\d:]+ - )[^:]+: (.*)"),
    )
    for block in re.split(r"^(?:Conversation #|Chat ID: |Ticket )(?=\d)", path.read_text(encoding="utf-8"), flags=re.M):
        lines, is_said, speaker = block.splitlines(), False, roles if path.stem == "support_desk" else times
        for line in lines[1:]:
            turn = speaker.fullmatch(line)
            is_said = bool(turn) or (is_said and bool(line))
            if is_said:
                found.setdefault(lines[0], []).append(turn[1] if turn else line)
    return found


READERS = {
    "tables/chats.csv": chats,
    "tables/legacy_cp1252.csv": legacy,
    "tables/calls.xlsx": calls,
    "tables/transcripts.parquet": transcripts,
    "jsonlines/app_chats.jsonl.gz": app_chats,
    "jsonlines/events.jsonl": events,
    "chat/openai_messages.jsonl": openai_messages,
    "chat/sharegpt.json": sharegpt,
    "zendesk/2026-q1/tickets.json": dump,
    "zendesk/full/tickets.ndjson": export,
    "intercom/2026-05/conversations.json": intercom,
    "intercom/2026-05/newest.json": intercom,
    "transcripts/support_desk.txt": plain_transcripts,
    "transcripts/live_chat.txt": plain_transcripts,
    "transcripts/nachrichten.txt": plain_transcripts,
}


def passes_luhn(digits: str) -> bool:
    doubled = [int(digit) * (1 + at % 2) for at, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def everything() -> str:
    """All that stands in the samples, unpacked."""
    parts = [json.dumps(transcripts(FOLDER / "tables/transcripts.parquet"), ensure_ascii=False)]
    parts.append(str(pl.read_parquet(FOLDER / "tables/transcripts.parquet").to_dicts()))
    parts.append(str(CalamineWorkbook.from_path(FOLDER / "tables/calls.xlsx").get_sheet_by_index(0).to_python()))
    parts.append(gzip.decompress((FOLDER / "jsonlines/app_chats.jsonl.gz").read_bytes()).decode())
    plain = {".csv", ".json", ".jsonl", ".ndjson", ".txt"}
    parts += [
        path.read_bytes().decode("cp1252" if "cp1252" in path.name else "utf-8")
        for path in sorted(FOLDER.rglob("*"))
        if path.suffix in plain
    ]
    return "\n".join(parts)


@pytest.mark.parametrize("hash_seed", ["0", "42"])
def test_the_generator_makes_the_committed_files_again(tmp_path: Path, hash_seed: str) -> None:
    subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "make_samples.py"), str(tmp_path)],
        check=True, capture_output=True, env={"PYTHONHASHSEED": hash_seed, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert (tmp_path / PLANTED.name).read_bytes() == PLANTED.read_bytes()
    files = {path.relative_to(FOLDER) for path in FOLDER.rglob("*") if path.is_file() and path.name != "README.md"}
    committed = {path for path in files if path.parts[0] not in HAND_WRITTEN}
    assert {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()} == committed | {
        Path(PLANTED.name)
    }
    for path in sorted(committed):
        if path.suffix == ".parquet":
            assert pl.read_parquet(tmp_path / path).equals(pl.read_parquet(FOLDER / path)), path
        elif path.suffix in (".xlsx", ".gz"):
            assert READERS[path.as_posix()](tmp_path / path) == READERS[path.as_posix()](FOLDER / path), path
        else:
            assert (tmp_path / path).read_bytes() == (FOLDER / path).read_bytes(), path


def test_there_are_more_than_three_hundred_conversations_and_all_can_be_found(
    planted: dict[str, Any], texts: dict[str, Texts]
) -> None:
    assert len(planted["conversations"]) >= 300
    for entry in planted["conversations"]:
        assert any(texts[entry["file"]][entry["external_id"]]), entry["external_id"]


def test_every_planted_value_stands_where_the_list_says(planted: dict[str, Any], texts: dict[str, Texts]) -> None:
    absent = [
        (entry["file"], entry["external_id"], value)
        for entry in planted["conversations"]
        for value in entry["values"]
        if value["where"] != "field"
        and not any(value["value"] in text for text in texts[entry["file"]][entry["external_id"]])
    ]
    assert absent == []


def test_a_known_customer_value_never_stands_in_speech_unlisted(
    planted: dict[str, Any], texts: dict[str, Texts]
) -> None:
    for entry in planted["conversations"]:
        spoken = {value["value"] for value in entry["values"] if value["where"] != "field"}
        text = "\n".join(texts[entry["file"]][entry["external_id"]])
        for email in LIKE_AN_EMAIL.findall(text):
            assert email in spoken or COMPANY.fullmatch(email), email
        for name in {value["value"] for value in entry["values"] if value["type"] == "PERSON"}:
            for part in re.findall(rf"\b(?:{'|'.join(map(re.escape, name.split()))})\b", text):
                assert any(part in value for value in spoken), (entry["external_id"], part)


def test_all_mail_addresses_are_reserved_ones() -> None:
    hosts = {email.rsplit("@", 1)[1] for email in LIKE_AN_EMAIL.findall(everything())}
    assert len(hosts) > 3
    assert [host for host in hosts if not re.fullmatch(r"(?:[\w-]+\.)*example\.(?:com|org|net)", host)] == []


def test_all_phone_numbers_are_kept_free_for_fiction(planted: dict[str, Any]) -> None:
    listed = {
        value["value"]
        for entry in planted["conversations"]
        for value in entry["values"]
        if value["type"] == "PHONE_NUMBER"
    }
    assert len(listed) > 50
    assert [phone for phone in listed if not PHONES.fullmatch(phone)] == []
    assert [phone for phone in LIKE_A_PHONE.findall(everything()) if not PHONES.fullmatch(phone)] == []


def test_all_card_numbers_are_published_test_numbers(planted: dict[str, Any], texts: dict[str, Texts]) -> None:
    values = [value for entry in planted["conversations"] for value in entry["values"]]
    cards = {re.sub(r"\D", "", value["value"]) for value in values if value["type"] == "CREDIT_CARD"}
    assert cards
    assert cards <= CARDS
    ibans = {value["value"] for value in values if value["type"] == "IBAN_CODE"}
    for conversations in texts.values():
        text = "\n".join(line for lines in conversations.values() for line in lines)
        for iban in ibans:
            text = text.replace(iban, "")
        found = {re.sub(r"\D", "", number) for number in LIKE_A_CARD.findall(text)}
        assert {number for number in found if passes_luhn(number)} <= CARDS


def test_what_the_readme_promises_is_there(planted: dict[str, Any]) -> None:
    conversations = planted["conversations"]
    traits = {trait for entry in conversations for trait in entry["traits"]}
    assert traits >= {
        "exact_duplicate", "near_duplicate", "macro", "macro_only", "bot", "event", "note", "draft", "merged",
        "description_only", "no_agent", "no_customer", "test_conversation", "spam_seo", "gibberish", "insult",
        "angry_caps", "emoji_only", "mojibake", "zero_width", "short_refund",
    }  # fmt: skip
    assert {entry["language"] for entry in conversations} == {
        "en", "de", "fr", "es", "it", "nl", "pt", "zh", "de+en",
    }  # fmt: skip
    assert {entry["connector"] for entry in conversations} == {
        "tables", "jsonlines", "chat", "zendesk", "intercom", "transcripts",
    }  # fmt: skip
    assert len({entry["scene"] for entry in conversations}) >= 60
    assert {one["expect"] for one in planted["broken"]} == {"reject", "repair", "nothing"}


def test_a_duplicate_says_what_its_original_says(planted: dict[str, Any], texts: dict[str, Texts]) -> None:
    exact = [entry for entry in planted["conversations"] if "exact_duplicate" in entry["traits"]]
    assert len(exact) >= 5
    for entry in exact:
        said = texts[entry["file"]]
        assert said[entry["external_id"]] == said[entry["duplicate_of"]]


def test_customers_come_back_in_other_files(planted: dict[str, Any]) -> None:
    connectors: dict[str, set[str]] = defaultdict(set)
    for entry in planted["conversations"]:
        connectors[entry["customer"]].add(entry["connector"])
    assert sum(len(names) > 1 for names in connectors.values()) >= 50


def test_a_mail_address_belongs_to_one_customer(planted: dict[str, Any]) -> None:
    owners: dict[str, set[str]] = defaultdict(set)
    for entry in planted["conversations"]:
        fields = {value["value"] for value in entry["values"] if value["where"] == "field"}
        for email in {value for value in fields if "@" in value}:
            owners[email].add(entry["customer"])
    assert {email: names for email, names in owners.items() if len(names) > 1} == {}


def test_the_broken_records_are_still_broken() -> None:
    events_text = (FOLDER / "jsonlines/events.jsonl").read_text(encoding="utf-8")
    assert r"\ud83d in here" in events_text
    assert '"at":NaN' in events_text
    assert re.search(r'"thread":\d{23},', events_text)
    tail = (FOLDER / "zendesk/full/tickets.ndjson").read_text(encoding="utf-8").splitlines()[-1]
    assert parsed(tail) is None
    assert sum(parsed(line) is None for line in events_text.splitlines()) == 1


def test_the_samples_stay_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 2_500_000
