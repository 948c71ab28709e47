"""Preflight names what gets a file refused and what spoils it, by line, and never says what the file says."""

import json
from pathlib import Path
from typing import Any

import pytest

from export import preflight as checking
from export.preflight import check_suffix, preflight, preflight_files

MODEL = "gpt-4.1-mini"
SECRET = "zanzibar"
USER = {"role": "user", "content": f"I am {SECRET}"}
ANSWER = {"role": "assistant", "content": "Hello"}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": "", "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "1"}
TOOLS = [{"type": "function", "function": {"name": "f"}}]


def calling(**function: str) -> dict[str, Any]:
    return {**CALLING, "tool_calls": [{**CALL, "function": {"name": "f", "arguments": "{}", **function}}]}


def tool(name: str, description: str = "") -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": description}}


def good(number: int) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": f"Question {number}"}, ANSWER]}


def write(path: Path, *bodies: dict[str, Any] | bytes, filler: int = 10) -> Path:
    lines = [body if isinstance(body, bytes) else json.dumps(body).encode() for body in bodies]
    lines += [json.dumps(good(number)).encode() for number in range(filler)]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def codes(path: Path, *bodies: dict[str, Any] | bytes) -> set[str]:
    findings = preflight(write(path / "train.jsonl", *bodies), MODEL)
    assert all(finding.line == 1 for finding in findings)
    assert SECRET not in repr(findings)
    return {finding.code for finding in findings}


def test_a_good_file_has_no_findings(tmp_path: Path) -> None:
    tooled = {"messages": [USER, CALLING, RESULT, ANSWER], "tools": TOOLS, "parallel_tool_calls": False}
    weighted = {"messages": [USER, {**ANSWER, "weight": 0}, USER, {**ANSWER, "weight": 1}]}
    assert codes(tmp_path, tooled) == codes(tmp_path, weighted) == set()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "line.empty"),
        (b"{", "line.json"),
        (b"[1]", "line.json"),
        (b'{"messages": NaN}', "line.nan"),
        (b'{"messages": "\\ud83d"}', "line.surrogate"),
        (b"[" * 100_000, "line.json"),
        (b'{"messages": "\xff"}', "line.encoding"),
        (b"\xef\xbb\xbf" + json.dumps(good(99)).encode(), "file.bom"),
        ({"messages": []}, "example.no_messages"),
        ({"prompt": "x"}, "example.no_messages"),
        ({"messages": [USER, ANSWER], "metadata": {}}, "example.unknown_key"),
        ({"messages": [{"role": "developer", "content": "x"}, USER, ANSWER]}, "message.role"),
        ({"messages": [{**USER, "weight": 1}, ANSWER]}, "message.key"),
        ({"messages": ["x", USER, ANSWER]}, "message.role"),
        ({"messages": [{"role": "user"}, ANSWER]}, "message.content"),
        ({"messages": [USER, {"role": "assistant", "content": None}]}, "message.content"),
        ({"messages": [USER, CALLING, {**RESULT, "content": [{"type": "text"}]}, ANSWER]}, "message.content"),
        ({"messages": [USER, {"role": "assistant", "content": " "}]}, "message.empty"),
        ({"messages": [USER, {**ANSWER, "weight": 0.5}]}, "message.weight"),
        ({"messages": [USER, {**ANSWER, "weight": True}]}, "message.weight"),
        ({"messages": [USER, {**ANSWER, "weight": 0}]}, "example.no_target"),
        ({"messages": [USER]}, "example.no_assistant"),
        ({"messages": [USER, ANSWER, USER]}, "example.last"),
        ({"messages": [ANSWER]}, "example.no_user"),
        ({"messages": [{"role": "user", "content": "<|im_start|>"}, ANSWER]}, "message.special_token"),
        ({"messages": [USER, {**ANSWER, "content": "<|fim_suffix|>"}]}, "message.special_token"),
        ({"messages": [USER, {**CALLING, "content": None}], "tools": TOOLS}, "message.null_content"),
        ({"messages": [USER, {**CALLING, "tool_calls": [{"id": "x"}]}], "tools": TOOLS}, "tools.call"),
        ({"messages": [USER, {**CALLING, "tool_calls": []}, ANSWER], "tools": TOOLS}, "tools.call"),
        ({"messages": [USER, RESULT, ANSWER]}, "tools.orphan"),
        ({"messages": [USER, CALLING, ANSWER], "tools": TOOLS}, "tools.unanswered"),
        ({"messages": [USER, CALLING]}, "tools.undeclared"),
        ({"messages": [USER, ANSWER], "tools": []}, "tools.declared"),
        ({"messages": [USER, CALLING], "tools": TOOLS, "functions": []}, "tools.mixed"),
        ({"messages": [{**USER, "name": "a b"}, ANSWER]}, "message.name"),
        ({"messages": [{"role": "developer", "content": "<|im_sep|>"}, USER, ANSWER]}, "message.special_token"),
        ({"messages": [USER, calling(arguments='{"q": "<|eot_id|>"}')], "tools": TOOLS}, "message.special_token"),
        ({"messages": [USER, ANSWER], "tools": [tool("f", "<|x|>")]}, "message.special_token"),
        ({"messages": [USER, {"role": "system", "content": "x"}, ANSWER]}, "example.system_late"),
        ({"messages": [{"role": "system", "content": "x"}] * 2 + [USER, ANSWER]}, "example.systems"),
        ({"messages": [USER, calling(name="f f")], "tools": TOOLS}, "tools.name"),
        ({"messages": [USER, calling(name="g")], "tools": TOOLS}, "tools.unknown"),
        ({"messages": [USER, {**CALLING, "tool_calls": [CALL, CALL]}], "tools": TOOLS}, "tools.id"),
        ({"messages": [USER, CALLING, RESULT, CALLING], "tools": TOOLS}, "tools.id"),
        ({"messages": [USER, ANSWER], "tools": [tool("f f")]}, "tools.declared"),
        ({"messages": [USER, ANSWER], "tools": [tool(f"f{n}") for n in range(129)]}, "tools.declared"),
        ({"messages": [USER, ANSWER], "tools": TOOLS, "parallel_tool_calls": 1}, "tools.parallel"),
    ],
)
def test_each_fault_has_its_code(tmp_path: Path, body: dict[str, Any] | bytes, code: str) -> None:
    assert code in codes(tmp_path, body)


def test_arguments_that_are_no_json_are_a_warning(tmp_path: Path) -> None:
    call = {**CALL, "function": {"name": "f", "arguments": "{oops"}}
    body = {"messages": [USER, {**CALLING, "tool_calls": [call]}], "tools": TOOLS}
    findings = preflight(write(tmp_path / "train.jsonl", body), MODEL)
    assert [(one.code, one.severity) for one in findings] == [("tools.arguments", "warning")]


def test_an_example_whose_end_would_be_lost_is_an_error(tmp_path: Path) -> None:
    long = {"messages": [{"role": "user", "content": "word " * 66_000}, ANSWER]}
    wide = {"messages": [{"role": "user", "content": "w" * 66_000}, ANSWER]}
    findings = preflight(write(tmp_path / "train.jsonl", wide, long), MODEL)
    assert [(one.line, one.code, one.severity) for one in findings] == [(2, "line.too_long", "error")]


def test_few_examples_are_said_of_the_training_file_alone(tmp_path: Path) -> None:
    train, held = write(tmp_path / "a", filler=9), write(tmp_path / "b", {"messages": [USER, ANSWER]}, filler=0)
    findings = preflight_files({"train.jsonl": train, "validation.jsonl": held}, MODEL)
    assert [(one.file, one.line, one.code) for one in findings] == [("train.jsonl", 0, "file.few_examples")]


def test_repeated_lines_are_found_within_and_across_files(tmp_path: Path) -> None:
    train, held = write(tmp_path / "a", good(3)), write(tmp_path / "b", good(5), filler=0)
    findings = preflight_files({"train.jsonl": train, "test.jsonl": held}, MODEL)
    assert [(one.file, one.line, one.code, one.severity) for one in findings] == [
        ("train.jsonl", 5, "line.duplicate", "warning"),
        ("test.jsonl", 1, "line.shared", "error"),
    ]


def test_a_file_over_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "MAX_FILE_BYTES", 100)
    assert [one.code for one in preflight(write(tmp_path / "a"), MODEL)] == ["file.too_large"]


def test_a_fault_on_every_line_is_listed_so_often_and_counted(tmp_path: Path) -> None:
    findings = preflight(write(tmp_path / "a", *[b"{"] * 250), MODEL)
    broken = [one for one in findings if one.code == "line.json"]
    assert len(broken) == 101
    assert (broken[-1].line, broken[-1].message) == (0, "And 150 more lines like these.")


def test_every_finding_is_listed_on_request(tmp_path: Path) -> None:
    path = write(tmp_path / "a", *[b"{"] * 250)
    findings = preflight_files({"a": path}, MODEL, most=None)
    assert [one.line for one in findings if one.code == "line.json"] == list(range(1, 251))


@pytest.mark.parametrize(
    ("suffix", "expected"),
    [
        (None, []),
        ("chatmill", []),
        ("", ["job.suffix"]),
        ("x" * 65, ["job.suffix"]),
        ("a b", ["job.suffix"]),
        ("v1.2", ["job.suffix_azure"]),
    ],
)
def test_suffixes(suffix: str | None, expected: list[str]) -> None:
    assert [one.code for one in check_suffix(suffix)] == expected
