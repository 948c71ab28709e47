from typing import get_args

from ingest.records import REJECT_REASONS, RejectCode


def test_every_reject_code_is_explained_in_words() -> None:
    assert set(REJECT_REASONS) == set(get_args(RejectCode))
    assert all(reason.endswith(".") for reason in REJECT_REASONS.values())
