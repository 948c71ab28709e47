"""What a training process tells survives being killed in the middle of a line."""

from pathlib import Path

from export.training.progress import Reports, read_from


def test_half_a_line_waits_and_is_left_out_if_it_never_ends(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    reports = Reports(path)
    reports.tell("note", message="one")
    with path.open("ab") as file:
        file.write(b'{"kind":"no')
    lines, behind = read_from(path, 0)
    assert [line["message"] for line in lines] == ["one"]
    reports.mend()
    reports.tell("note", message="two")
    lines, end = read_from(path, behind)
    assert [line["message"] for line in lines] == ["two"]
    assert read_from(path, end) == ([], end)
    assert path.stat().st_mode & 0o077 == 0
