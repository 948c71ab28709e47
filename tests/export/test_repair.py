"""A repaired copy is one that preflight takes; every repair is told with its line, and the file itself stays."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from export.checkup import check_files
from export.errors import ExportError
from export.preflight import preflight_files
from export.repair import Repaired, repair_file
from service.main import app
from store.workspace import Workspace
from tests.export.builders import add_curated, many

MODEL = "gpt-4.1-mini"
USER = {"role": "user", "content": "Hi"}
ANSWER = {"role": "assistant", "content": "Hello"}
RESULT = {"role": "tool", "tool_call_id": "a", "content": "1"}


def call(name: str = "f", arguments: Any = "{}", call_id: str = "a") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def calling(*calls: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": "", "tool_calls": list(calls)}


def repaired(folder: Path, *lines: bytes | dict[str, Any]) -> tuple[Repaired, list[dict[str, Any]]]:
    path, out = folder / "given.jsonl", folder / "mended.jsonl"
    raw = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    path.write_bytes(b"\n".join(raw) + b"\n")
    done = repair_file(path, out, MODEL)
    assert path.read_bytes() == b"\n".join(raw) + b"\n"
    assert [one.name for one in folder.iterdir()] in (["given.jsonl", "mended.jsonl"], ["mended.jsonl", "given.jsonl"])
    return done, [json.loads(line) for line in out.read_bytes().splitlines()]


@pytest.mark.parametrize(
    ("given", "mended"),
    [
        ([{"role": "developer", "content": "S"}, USER, ANSWER], [{"role": "system", "content": "S"}, USER, ANSWER]),
        (
            [USER, {"role": "system", "content": "S"}, {"role": "system", "content": "T"}, ANSWER],
            [{"role": "system", "content": "S\n\nT"}, USER, ANSWER],
        ),
        ([USER, {**ANSWER, "content": "a<|im_end|>"}], [USER, {**ANSWER, "content": "a< |im_end|>"}]),
        ([USER, {**ANSWER, "weight": True}], [USER, {**ANSWER, "weight": 1}]),
        ([USER, {**ANSWER, "weight": 0.0}, USER, ANSWER], [USER, {**ANSWER, "weight": 0}, USER, ANSWER]),
        ([USER, {**ANSWER, "weight": "full"}], [USER, ANSWER]),
        ([{**USER, "id": 7, "name": "a b"}, ANSWER], [USER, ANSWER]),
        ([USER, {"role": "assistant", "content": " "}, ANSWER, USER], [USER, ANSWER]),
        ([USER, {**ANSWER, "content": [{"type": "text", "text": "Hello"}]}], [USER, ANSWER]),
        ([USER, RESULT, ANSWER], [USER, ANSWER]),
        ([USER, calling(call()), ANSWER], [USER, ANSWER]),
        ([USER, calling(call("f f", {"q": 1})), {**RESULT, "content": {"x": 2}}, ANSWER],
         [USER, calling(call("f_f", '{"q":1}')), {**RESULT, "content": '{"x":2}'}, ANSWER]),
        ([USER, calling(call(), call(call_id="b")), ANSWER, RESULT], [USER, calling(call()), RESULT, ANSWER]),
        ([USER, {"role": "assistant", "tool_calls": [call()]}], [USER, calling(call())]),
    ],
)  # fmt: skip
def test_each_fault_is_mended(tmp_path: Path, given: list[dict[str, Any]], mended: list[dict[str, Any]]) -> None:
    done, lines = repaired(tmp_path, {"messages": given})
    assert lines == [{"messages": mended}]
    assert {(one.line, one.action) for one in done.repairs} == {(1, "mended")}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"", "it is empty"),
        (b"{", "not one JSON object"),
        (b"\xff", "not UTF-8"),
        ({"messages": []}, "no list"),
        ({"messages": [USER]}, "No message is the assistant's"),
        ({"messages": [USER, {**ANSWER, "weight": 0}]}, "weight 0"),
        ({"messages": [{"role": "wizard", "content": "x"}, USER, ANSWER]}, "no known role"),
        ({"messages": [USER, {**ANSWER, "content": "word " * 70_000}]}, "too many tokens"),
    ],
)
def test_what_cannot_be_mended_is_left_out_and_said(tmp_path: Path, line: bytes | dict[str, Any], why: str) -> None:
    done, lines = repaired(tmp_path, {"messages": [USER, ANSWER]}, line)
    assert lines == [{"messages": [USER, ANSWER]}]
    assert [(one.line, one.action) for one in done.repairs] == [(2, "left out")]
    assert why in done.repairs[0].what
    assert (done.lines_read, done.lines_written) == (2, 1)


def test_marks_numbers_and_half_characters_that_json_does_not_know(tmp_path: Path) -> None:
    good = json.dumps({"messages": [USER, ANSWER]}).encode()
    nan = (
        b'{"messages": [{"role": "user", "content": "\\ud83d!"}, {"role": "assistant", "content": "x", "weight": NaN}]}'
    )
    done, lines = repaired(tmp_path, b"\xef\xbb\xbf" + good, nan, good)
    assert [line["messages"][0]["content"] for line in lines] == ["Hi", "\ufffd!"]
    assert [one.what for one in done.repairs if one.line != 2] == ["took out the byte order mark", "it repeats line 1"]


def test_what_nothing_is_wrong_with_is_copied_byte_for_byte(tmp_path: Path) -> None:
    line = b'{ "messages":[{"content":"caf\\u00e9","role":"user"}, {"role":"assistant","content":"b"}] }'
    repaired(tmp_path, line)
    assert (tmp_path / "mended.jsonl").read_bytes() == line + b"\n"


def test_old_turns_are_cut_and_never_the_answer_or_the_instructions(tmp_path: Path) -> None:
    system, old = {"role": "system", "content": "S"}, {"role": "user", "content": "word " * 70_000}
    tools = [{"type": "function", "function": {"name": "f"}}]
    body = {"messages": [system, old, ANSWER, USER, calling(call()), RESULT, ANSWER], "tools": tools}
    done, lines = repaired(tmp_path, body)
    assert lines == [{"messages": [system, USER, calling(call()), RESULT, ANSWER], "tools": tools}]
    assert [one.what for one in done.repairs] == ["cut the oldest turns"]


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-1, 2), st.text(max_size=5), st.sampled_from(["<|im_start|>", "a", "{}", " "])
)
DRAWN_CALLS = st.builds(call, st.text(max_size=3), VALUES, st.sampled_from(["a", "b", ""]))
CALLS = st.one_of(VALUES, st.lists(st.one_of(VALUES, DRAWN_CALLS), max_size=2))
ROLES = st.sampled_from(["system", "developer", "user", "assistant", "tool", "function", "x"])
KEYS = dict.fromkeys(("content", "weight", "name", "tool_call_id", "x"), VALUES) | {"tool_calls": CALLS}
MESSAGES = st.one_of(
    VALUES,
    st.sampled_from([USER, ANSWER, RESULT, calling(call())]),
    st.fixed_dictionaries({"role": ROLES}, optional=KEYS),
)
TOOL = {"type": "function", "function": {"name": "f f"}}
TOOLS = st.one_of(VALUES, st.lists(st.one_of(VALUES, st.just(TOOL)), max_size=2))
LISTS = st.one_of(VALUES, st.lists(MESSAGES, max_size=6))
BODIES = st.one_of(VALUES, st.fixed_dictionaries({}, optional={"messages": LISTS, "tools": TOOLS, "x": VALUES}))


@settings(deadline=None)
@given(st.lists(BODIES, max_size=4))
def test_whatever_is_given_the_repaired_file_is_taken_and_every_change_has_its_line(bodies: list[Any]) -> None:
    with TemporaryDirectory() as folder:
        path, out = Path(folder) / "given", Path(folder) / "mended"
        path.write_text("".join(json.dumps(body) + "\n" for body in bodies))
        done = repair_file(path, out, MODEL)
        left = preflight_files({"mended": out}, MODEL, held_out=True, most=None)
        assert [one for one in left if one.severity == "error"] == []
        wrong = {one.line for one in preflight_files({"given": path}, MODEL, most=None) if one.severity == "error"}
        assert wrong - {0} <= {one.line for one in done.repairs}
        assert len(bodies) - done.lines_written == sum(one.action == "left out" for one in done.repairs)
        again = repair_file(out, Path(folder) / "twice", MODEL)
        assert again.path.read_bytes() == out.read_bytes()


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("{}\n")
    with pytest.raises(ExportError, match="is there already"):
        check_files([path], repair=path)
    with pytest.raises(ExportError, match="One file"):
        check_files([path, path], repair=tmp_path / "b")
    with pytest.raises(ExportError, match="There is no file"):
        check_files([tmp_path / "c"])
    assert path.read_text() == "{}\n"


def test_the_command_checks_files_and_datasets(workspace: Workspace, tmp_path: Path) -> None:
    path, out = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    bodies = [{"messages": [USER, {**ANSWER, "content": f"Hello {n}"}]} for n in range(10)]
    path.write_text("".join(json.dumps(body) + "\n" for body in [*bodies, {"messages": [USER, ANSWER], "id": 1}]))
    refused = CliRunner().invoke(app, ["preflight", str(path), "--json"])
    assert refused.exit_code == 2
    assert [(one["line"], one["code"]) for one in json.loads(refused.stdout)["findings"]] == [
        (11, "example.unknown_key")
    ]
    mended = CliRunner().invoke(app, ["preflight", str(path), "--repair", str(out)])
    assert mended.exit_code == 0
    assert "took out keys that are not known" in mended.stdout
    with workspace.open() as store:
        add_curated(store, many(20))
    assert CliRunner().invoke(app, ["export", "-w", str(workspace.root)]).exit_code == 0
    ours = CliRunner().invoke(app, ["preflight", "latest", "-w", str(workspace.root), "--json"])
    assert (ours.exit_code, json.loads(ours.stdout)["findings"]) == (0, [])
    asked = CliRunner().invoke(app, ["preflight", "latest", "-w", str(workspace.root), "--repair", str(tmp_path / "c")])
    assert isinstance(asked.exception, ExportError)
