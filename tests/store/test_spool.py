"""The spool: values come back grouped by key in the order put, whatever their size; two stand beside each other."""

from store.database import Store
from store.spool import BYTES_PER_WRITE


def test_values_come_back_by_key_in_the_order_put(store: Store) -> None:
    spool = store.spool()
    for number, key in enumerate(("b", "a", "b", "a")):
        spool.put(key, {"n": number})
    assert list(spool.groups()) == [("a", [{"n": 1}, {"n": 3}]), ("b", [{"n": 0}, {"n": 2}])]


def test_large_values_are_written_before_they_fill_memory(store: Store) -> None:
    spool = store.spool()
    large = "x" * (BYTES_PER_WRITE // 4)
    for number in range(10):
        spool.put(f"{number % 2}", [number, large])
    assert [[value[0] for value in values] for _, values in spool.groups()] == [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]]


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
