"""The spool: values come back grouped by key in the order put, whatever their size; two stand beside each other."""

from itertools import groupby
from pathlib import Path

from store.database import Store
from store.spool import BYTES_PER_RUN, Spool


def test_values_come_back_by_key_in_the_order_put(store: Store) -> None:
    spool = store.spool()
    for number, key in enumerate(("b", "a", "b", "a")):
        spool.put(key, {"n": number})
    assert list(spool.groups()) == [("a", [{"n": 1}, {"n": 3}]), ("b", [{"n": 0}, {"n": 2}])]


def test_large_values_are_written_before_they_fill_memory(store: Store) -> None:
    spool = store.spool()
    large = "x" * (BYTES_PER_RUN // 4)
    for number in range(10):
        spool.put(f"{number % 2}", [number, large])
    groups = [(key, [value[0] for value in values]) for key, values in spool.groups()]
    assert groups == [("0", [0, 2, 4, 6, 8]), ("1", [1, 3, 5, 7, 9])]


def test_what_shares_a_beginning_comes_together_in_text_order_whatever_the_size(store: Store) -> None:
    spool = store.spool()
    large = "x" * (BYTES_PER_RUN // 100)
    keys = [f"{number % 7}\x1f{number:03}" for number in range(300)]
    for key in keys:
        spool.put(key, large)
    given = [key for key, _ in spool.groups()]
    assert sorted(given) == sorted(keys)
    together = [list(group) for _, group in groupby(given, key=lambda key: key.partition("\x1f")[0])]
    assert len(together) == 7
    assert all(group == sorted(group) for group in together)


def test_a_second_spool_can_be_filled_while_the_first_is_read(store: Store) -> None:
    first = store.spool()
    second = first.another()
    for number in range(1_200):
        first.put(f"{number:04}", number)
    for _, (number,) in first.groups():
        second.put(f"{number % 3}", number)
    assert [(key, len(values), values[0]) for key, values in second.groups()] == [
        ("0", 400, 0),
        ("1", 400, 1),
        ("2", 400, 2),
    ]


def test_what_is_written_is_sealed_and_has_no_name(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spill")
    sentinel = "maria.sentinel@example.com"
    for number in range(40):
        spool.put(str(number), f"{sentinel} " * (BYTES_PER_RUN // 400))
    opened = [path for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    (ours,) = [path for path in opened if str(tmp_path) in str(path.readlink())]
    content = ours.read_bytes()
    assert len(content) > BYTES_PER_RUN
    assert sentinel.encode() not in content
    assert list((tmp_path / "spill").iterdir()) == []
    assert [key for key, _ in spool.groups()] == sorted(map(str, range(40)))
