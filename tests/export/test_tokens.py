"""Token counts: the cookbook's formula over exact encodings; and what is known of models."""

from datetime import date

import pytest

from export.models import (
    base_name,
    cost,
    default_epochs,
    encoding_of,
    find,
    price_table,
    shutdown_warnings,
)
from export.tokens import TokenCounter

HELLO = {"messages": [{"role": "user", "content": "hello world"}, {"role": "assistant", "content": "hi"}]}


@pytest.mark.parametrize("model", ["gpt-4.1-mini", "gpt-3.5-turbo", "gpt-6-luna"])
def test_an_example_costs_three_a_message_and_three_more(model: str) -> None:
    found = TokenCounter(model).example(HELLO)
    assert (found.total, found.margin) == (3 + (3 + 1 + 2) + (3 + 1 + 1), 0)


def test_tools_widen_the_margin() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": '{"order": 7}'}}
    tool = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}
    body = {"messages": [HELLO["messages"][0], {"role": "assistant", "content": "", "tool_calls": [call]}]}
    counter = TokenCounter("gpt-4.1")
    bare, full = counter.example(body), counter.example({**body, "tools": [tool]})
    assert counter.example(HELLO).margin < bare.margin < full.margin < full.total


def test_special_tokens_count_as_the_text_they_are() -> None:
    assert TokenCounter("gpt-4.1").text("<|endoftext|>") == 7


def test_long_and_repeated_texts_count_alike() -> None:
    counter = TokenCounter("gpt-4.1")
    assert [counter.text("hello " * 300) for _ in range(2)] == [301, 301]
    assert [counter.text("hello") for _ in range(2)] == [1, 1]


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("gpt-4.1-2025-04-14", "o200k_base"),
        ("ft:gpt-4.1-mini-2025-04-14:acme:bot:abc", "o200k_base"),
        ("gpt-4.1-2025-04-14.ft-123", "o200k_base"),
        ("gpt-4o", "o200k_base"),
        ("gpt-6-luna", "o200k_base"),
        ("gpt-4-0613", "cl100k_base"),
        ("gpt-4", "cl100k_base"),
        ("ft:gpt-3.5-turbo-0125:acme::x", "cl100k_base"),
        ("davinci-002", "cl100k_base"),
    ],
)
def test_a_fine_tune_has_the_encoding_of_its_base(name: str, encoding: str) -> None:
    assert encoding_of(name) == encoding
    assert encoding_of(base_name(name)) == encoding


@pytest.mark.parametrize(("examples", "epochs"), [(0, 0), (1, 25), (10, 10), (33, 3), (100, 3), (9000, 2), (30_000, 1)])
def test_default_epochs_follow_the_cookbook(examples: int, epochs: int) -> None:
    assert default_epochs(examples) == epochs


def test_a_price_is_tokens_times_epochs_and_unknown_for_unknown_models() -> None:
    told = cost("ft:gpt-4.1-mini-2025-04-14:acme::x", tokens=2_000_000, epochs=3)
    assert (told.usd, told.trained_tokens, told.price_date) == (30.0, 6_000_000, date(2025, 7, 1))
    assert cost("llama", tokens=10, epochs=1).usd is None
    prices = [one.usd or 0 for one in price_table(tokens=1_000_000, epochs=1)]
    assert prices == sorted(prices)
    assert prices[-1] == 25.0


def test_aliases_are_found_and_strangers_have_the_common_limit() -> None:
    assert find("gpt-4.1-mini").usd_per_million == 5.0
    assert find("llama").max_example_tokens == 65_536


def test_what_ends_is_said_in_time() -> None:
    soon = " ".join(shutdown_warnings("gpt-4.1", today=date(2026, 11, 21)))
    assert "end on 2027-01-14, in 54 days" in soon
    assert "from 2027-01-06, in 46 days" in soon
    assert "training_not_available" in soon
    assert "no fine-tuning jobs since" in " ".join(shutdown_warnings("gpt-4.1", today=date(2027, 1, 7)))
    assert "was shut down" in " ".join(shutdown_warnings("gpt-4.1-nano", today=date(2026, 11, 21)))
    assert shutdown_warnings("llama", today=date(2026, 11, 21)) == []
