"""Training files are checked line by line, and what is wrong is named without repeating what it says."""

import json
from pathlib import Path
from typing import Any

import pytest

from export.training.errors import BadTrainingFile
from export.training.examples import check_file, read_examples, read_pairs
from tests.export.training.builders import example, pair, write_lines

SECRET = "kumquat-4711"


def broken(line: dict[str, Any], **change: Any) -> dict[str, Any]:
    return {**line, **change}


@pytest.mark.parametrize(
    ("method", "third"),
    [
        ("supervised", {"messages": [{"role": "user", "content": 5}]}),
        ("supervised", broken(example(3), colour=SECRET)),
        ("supervised", {"messages": [{"role": "user", "content": SECRET}]}),
        ("dpo", example(3)),
        ("dpo", broken(pair(3), preferred_output=[])),
        ("dpo", broken(pair(3), non_preferred_output=[{"role": "user", "content": SECRET}])),
    ],
)
def test_the_line_is_named(tmp_path: Path, method: Any, third: dict[str, Any]) -> None:
    make = example if method == "supervised" else pair
    path = write_lines(tmp_path / "file", [make(1), make(2), third, make(4)])
    with pytest.raises(BadTrainingFile, match=r"Line 3: ") as caught:
        check_file(path, method)
    assert SECRET not in caught.value.message


def test_what_is_no_json_is_named_and_few_lines_are_many(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(json.dumps(example(1)) + "\n" + "{" + SECRET + "\n" * 3, encoding="utf-8")
    with pytest.raises(BadTrainingFile, match="Line 2: ") as caught:
        check_file(path, "supervised")
    assert SECRET not in caught.value.message
    path.write_bytes(b"")
    with pytest.raises(BadTrainingFile, match="at least 1 example"):
        check_file(path, "supervised")


def test_good_files_are_read_in_order(tmp_path: Path) -> None:
    chats = write_lines(tmp_path / "chats", [example(number) for number in range(3)])
    assert check_file(chats, "supervised") == 3
    assert [one.line for one in read_examples(chats)] == [1, 2, 3]
    pairs = write_lines(tmp_path / "pairs", [pair(number) for number in range(2)])
    assert check_file(pairs, "dpo") == 2
    assert [one.rejected["content"] for one in read_pairs(pairs)] == ["No idea."] * 2
