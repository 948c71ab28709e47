"""What may be asked of a training, and what it comes to."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.training.errors import BadRecipe
from export.training.recipe import read_recipe


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"n_epochs": 0}, "n_epochs"),
        ({"n_epochs": 51}, "n_epochs"),
        ({"n_epochs": 1.5}, "n_epochs"),
        ({"n_epochs": True}, "n_epochs"),
        ({"n_epochs": "three"}, "n_epochs"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"lr_scheduler_type": "steep"}, "lr_scheduler_type"),
        ({"packing": 1}, "packing"),
        ({"lora": "yes"}, "lora"),
        ({"beta": 2.1}, "beta"),
        ({"epochs": 3}, "epochs"),
    ],
)
def test_what_is_unknown_or_out_of_range_is_named(asked: dict[str, Any], named: str) -> None:
    with pytest.raises(BadRecipe) as caught:
        read_recipe(asked)
    assert caught.value.param == named
    assert named in caught.value.message


def test_auto_leaves_it_to_the_base_and_the_file() -> None:
    asked = read_recipe({"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto"}, seed=5)
    tiny, large = (asked.filled(examples=400, is_tiny=is_tiny) for is_tiny in (True, False))
    assert (tiny.n_epochs, tiny.batch_size, tiny.lora, tiny.learning_rate) == (3, 8, False, 2e-3)
    assert (large.lora, large.learning_rate, large.seed) == (True, 2e-4, 5)
    full = read_recipe({"lora": False, "learning_rate_multiplier": 2}).filled(examples=400, is_tiny=False)
    assert full.learning_rate == pytest.approx(4e-5)


@given(n_epochs=st.integers(1, 50), batch=st.integers(1, 256), examples=st.integers(1, 10**6))
def test_what_was_asked_for_stays(n_epochs: int, batch: int, examples: int) -> None:
    filled = read_recipe({"n_epochs": n_epochs, "batch_size": batch}).filled(examples=examples, is_tiny=True)
    assert (filled.n_epochs, filled.batch_size) == (n_epochs, batch)
    assert "auto" not in [value for key, value in filled.as_json().items() if key in ("n_epochs", "batch_size", "lora")]
