"""Several stores on one database: readers never wait, changes come one after the other, none is lost."""

from concurrent.futures import ThreadPoolExecutor

from store.database import Store


def test_another_sees_what_is_committed_and_nothing_else(store: Store):
    with store.another() as other:
        with store.transaction():
            store.execute("INSERT INTO metrics VALUES ('j', 1, 'loss', 0.5)")
            assert other.value("SELECT count(*) FROM metrics") == 0
        assert other.value("SELECT count(*) FROM metrics") == 1


def test_changes_of_many_threads_come_one_after_the_other(store: Store):
    store.execute("INSERT INTO metrics VALUES ('j', 0, 'n', 0)")

    def add() -> None:
        with store.another() as mine:
            for _ in range(25):
                with mine.transaction():
                    count = mine.value("SELECT value FROM metrics WHERE job_id = 'j'")
                    mine.execute("UPDATE metrics SET value = ? WHERE job_id = 'j'", [count + 1])

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(add) for _ in range(4)]:
            done.result()
    assert store.value("SELECT value FROM metrics") == 100


def test_pages_of_two_stores_do_not_meet(store: Store):
    with store.another() as other:
        mine, theirs = (
            store.pages("SELECT range FROM range(10)", size=3),
            other.pages("SELECT range FROM range(7)", size=2),
        )
        found = [(a["range"].to_list(), b["range"].to_list()) for a, b in zip(mine, theirs, strict=True)]
    assert found[0] == ([0, 1, 2], [0, 1])


def test_a_failing_transaction_lets_others_write(store: Store):
    with store.another() as other:
        try:
            with store.transaction():
                store.execute("INSERT INTO metrics VALUES ('j', 1, 'loss', 0.5)")
                raise KeyError
        except KeyError:
            pass
        other.execute("INSERT INTO metrics VALUES ('k', 1, 'loss', 0.5)")
        assert store.rows("SELECT job_id FROM metrics") == [("k",)]
