"""Two models over a real HTTP endpoint: figures, resuming, refusals, outages, leaks, swaps, a judge."""

from __future__ import annotations

import json
import threading
from typing import Any

import orjson
import pytest

from export.evaluate.asking import Asked, Question, ask_all
from export.evaluate.chat import Chat
from export.evaluate.errors import Interrupted, NothingToCompare
from export.submit.capabilities import capabilities_of
from export.submit.errors import ProviderUnready, Unavailable
from export.submit.patience import Patience
from store.progress import silent
from tests.export.evaluate.conftest import BASE, JUDGE, TUNED, Bench, answer_of, number_in, says_base, says_tuned
from tests.export.evaluate.server import KEY, Body, Endpoint, Fault

CHAT = "/v1/chat/completions"


def measure(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in document["measures"] if one["name"] == name)


def test_the_better_model_is_called_better(bench: Bench) -> None:
    document = bench.compare()
    assert document["cases"] == 30
    assert measure(document, "exact")["tuned"]["value"] == 1.0
    assert measure(document, "exact")["base"]["value"] == 0.0
    for name in ("exact", "chrf", "rouge_l", "details", "greeting", "sign_off"):
        assert measure(document, name)["verdict"] == "better", name
    assert measure(document, "whole")["verdict"] == "no clear difference"
    assert measure(document, "greeting")["people"]["value"] == 1.0
    assert "base 0 %, tuned 100 %" in measure(document, "exact")["sentence"]


def test_the_same_model_twice_is_no_different(bench: Bench) -> None:
    bench.endpoint.models["same"] = says_base
    document = bench.compare(tuned="same")
    graded = [one for one in document["measures"] if one["group"] in ("answers", "tone", "format")]
    assert {one["verdict"] for one in graded} == {"no clear difference"}


def test_again_asks_nothing_and_gives_the_same_figures(bench: Bench) -> None:
    first = bench.compare()
    asked = bench.endpoint.calls[CHAT]
    assert asked == 60
    assert bench.compare() == first
    assert bench.endpoint.calls[CHAT] == asked
    bench.compare(again=True)
    assert bench.endpoint.calls[CHAT] == 2 * asked


def test_a_higher_limit_asks_only_for_what_is_new(bench: Bench) -> None:
    few = bench.compare(limit=12)
    more = bench.compare(limit=20)
    assert few["evaluation"] == more["evaluation"]
    assert set(few["items"]) < set(more["items"])
    assert bench.endpoint.calls[CHAT] == 40


def test_an_outage_keeps_what_was_answered(bench: Bench) -> None:
    bench.endpoint.refuses = lambda body: Fault(status=503) if bench.endpoint.calls[CHAT] > 20 else None
    with pytest.raises(Interrupted, match="503"):
        bench.compare(at_once=2)
    kept = bench.store.value("SELECT count(*) FROM answers")
    assert kept == 20
    bench.endpoint.refuses = lambda body: None
    before = len(bench.endpoint.asked)
    assert measure(bench.compare(), "exact")["of"] == 30
    assert len(bench.endpoint.asked) - before == 40


def test_a_busy_endpoint_is_waited_for_as_long_as_it_asks(bench: Bench) -> None:
    bench.endpoint.faults.append(Fault(status=429, headers=(("retry-after", "17"),)))
    bench.compare(limit=10, at_once=1)
    assert bench.time.slept == [17.0]
    assert "17 s" in bench.told[-1]


@pytest.mark.parametrize("kind", ["error", "drop", "broken", "html"])
def test_what_fails_once_is_asked_again(bench: Bench, kind: str) -> None:
    bench.endpoint.faults.append(Fault(kind=kind))
    document = bench.compare(limit=10, at_once=1)
    assert document["problems"] == []
    assert measure(document, "exact")["tuned"]["value"] == 1.0


def test_refused_questions_are_named_without_their_words_and_count_nowhere(bench: Bench) -> None:
    def refuses(body: Body) -> Fault | None:
        if body["model"] == TUNED and number_in(body) % 3 == 0:
            return Fault(status=400, code="content_filter", message="You asked: I need order")
        return None

    bench.endpoint.refuses = refuses
    document = bench.compare()
    assert {one["speaker"] for one in document["problems"]} == {"tuned"}
    assert {one["code"] for one in document["problems"]} == {"EXP-214"}
    assert "I need order" not in json.dumps(document)
    assert measure(document, "exact")["of"] == 30 - len(document["problems"])
    bench.endpoint.refuses = lambda body: None
    assert bench.compare()["problems"] == []


def test_a_wrong_key_and_an_unknown_model_stop_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Interrupted) as raised:
        bench.compare(tuned="nobody", at_once=1)
    assert "GET /models" in raised.value.hint
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
    with pytest.raises(Interrupted, match="401") as raised:
        bench.compare(at_once=1)
    assert "sk-wrong" not in raised.value.message + raised.value.hint


def test_no_key_is_sent_elsewhere_and_a_readable_address_is_refused(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from export.evaluate.comparing import Wish
    from export.evaluate.parties import endpoint_for, open_chat

    settings = bench.workspace.settings.submit
    with pytest.raises(ProviderUnready):
        endpoint_for(settings, provider=None, base_url="http://models.example.com/v1")
    assert endpoint_for(settings, provider="fireworks", base_url=None)[1].endswith("/inference/v1")
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ProviderUnready, match="no API key"):
        open_chat("openai", "https://models.example.com/v1", Patience(), Wish())


def test_an_endpoint_that_cannot_stream_or_names_the_limit_otherwise(bench: Bench) -> None:
    bench.endpoint.streams = False
    bench.endpoint.limit_name = "max_completion_tokens"
    document = bench.compare(limit=10, at_once=1)
    assert measure(document, "exact")["tuned"]["value"] == 1.0
    assert not [one for one in document["measures"] if one["name"] == "first_token"]
    assert bench.endpoint.calls[CHAT] <= 22


def test_speed_tokens_and_the_size_of_prompts(bench: Bench) -> None:
    document = bench.compare(prompt="Be kind. " * 50, shots=2, limit=12)
    size = measure(document, "prompt_tokens")
    assert size["verdict"] == "better"
    assert size["base"]["value"] - size["tuned"]["value"] > 90
    for name in ("first_token", "seconds", "pace", "answer_tokens"):
        assert measure(document, name)["of"] == 12
    shown = next(body for body in bench.endpoint.asked if body["model"] == BASE)["messages"]
    assert shown[0] == {"role": "system", "content": "Be kind. " * 50}
    assert [one["role"] for one in shown[1:5]] == ["user", "assistant", "user", "assistant"]
    told = next(body for body in bench.endpoint.asked if body["model"] == TUNED)["messages"]
    assert len(shown) == len(told) + 4


def test_prices_are_known_for_known_models_alone(bench: Bench) -> None:
    assert not [one for one in bench.compare(limit=10)["measures"] if one["name"] == "usd"]
    bench.endpoint.models |= {"gpt-4o-mini": says_base, "ft:gpt-4o-mini-2024-07-18:x": says_tuned}
    from export.models import answers_usd

    assert answers_usd("gpt-4o-mini", prompt_tokens=1_000_000, answer_tokens=0) == pytest.approx(0.15)
    assert answers_usd("ft:gpt-4o-mini-2024-07-18:x", prompt_tokens=0, answer_tokens=1_000_000) == pytest.approx(1.2)
    assert answers_usd("tiny", prompt_tokens=1, answer_tokens=1) is None


def test_never_more_than_asked_at_once(bench: Bench) -> None:
    """Answers wait until four questions are under way; a fifth would then be there too."""
    endpoint = bench.endpoint
    endpoint.gate = threading.Event()
    seen = threading.Event()
    original = says_base

    def opens(body: Body) -> str:
        return original(body)

    endpoint.models[BASE] = opens

    def watch() -> None:
        while endpoint.under_way < 4 and not seen.wait(0.01):
            pass
        endpoint.gate.set()  # type: ignore[union-attr]

    watcher = threading.Thread(target=watch)
    watcher.start()
    bench.compare(at_once=4)
    seen.set()
    watcher.join()
    assert endpoint.most_under_way == 4


def test_perplexity_where_the_endpoint_can_score(bench: Bench) -> None:
    lengths: list[int] = []

    def low(body: Body) -> float:
        assert body["messages"][-1]["role"] == "assistant"
        lengths.append(sum(one.get("weight", 1) for one in body["messages"] if one["role"] == "assistant"))
        return 1.0

    bench.endpoint.losses = {BASE: lambda body: 2.0, TUNED: low}
    told = measure(bench.compare(), "perplexity")
    assert told["base"]["value"] == pytest.approx(7.389, abs=1e-3)
    assert told["tuned"]["value"] == pytest.approx(2.718, abs=1e-3)
    assert told["verdict"] == "better"
    assert set(lengths) == {1}  # the answer alone, not what the agent said before it
    calls = bench.endpoint.calls["/v1/chatmill/score"]
    bench.compare()
    assert bench.endpoint.calls["/v1/chatmill/score"] == calls


def test_without_scores_the_jobs_validation_loss_is_told(bench: Bench) -> None:
    bench.store.execute(
        "INSERT INTO jobs (job_id, provider, dataset_id, model, status, request, result, created_at) "
        "VALUES ('job-1', 'openai', 'ds', ?, 'succeeded', '{}', ?, now())",
        [BASE, orjson.dumps({"fine_tuned_model": TUNED}).decode()],
    )
    for step, loss in ((1, 3.0), (2, 1.0), (3, 1.5)):
        bench.store.execute("INSERT INTO metrics VALUES ('job-1', ?, 'valid_loss', ?)", [step, loss])
    document = bench.compare(limit=10)
    assert not [one for one in document["measures"] if one["name"] == "perplexity"]
    assert document["training"]["lowest"] == {"step": 2, "loss": 1.0, "perplexity": pytest.approx(2.71828, abs=1e-4)}
    assert document["training"]["last"]["loss"] == 1.5
    assert bench.endpoint.calls["/v1/chatmill/score"] == 1


def test_probes_and_swaps_are_asked_of_both_models(bench: Bench) -> None:
    def partial(body: Body) -> str:
        words = " ".join(str(one["content"]) for one in body["messages"])
        refuses = "customers" in words or "phone" in words
        return "I cannot share that." if refuses else answer_of(number_in(body))

    def unfair(body: Body) -> str:
        words = " ".join(str(one["content"]) for one in body["messages"])
        return "No." if any(place in words for place in ("Lagos", "Accra", "Nairobi", "Casablanca")) else partial(body)

    bench.endpoint.models |= {BASE: partial, TUNED: unfair}
    document = bench.compare(probes=True, swaps=15)
    assert measure(document, "probe_refusals")["of"] == 8
    gaps = {(one["model"], one["group"], one["figure"]): one for one in document["swaps"]}
    assert gaps["tuned", "Africa", "chrf"]["is_clear"]
    assert gaps["tuned", "Africa", "chrf"]["difference"]["high"] < -0.5
    assert not gaps["base", "Africa", "chrf"]["is_clear"]
    assert not gaps["tuned", "women", "words"]["is_clear"]


def test_nothing_in_the_document_is_text(bench: Bench) -> None:
    document = json.dumps(bench.compare(probes=True, swaps=2))
    for words in ("leaves our depot", "I do not know where", "need order", "look that up"):
        assert words not in document
    stored = bench.store.value("SELECT result FROM evaluations")
    assert "leaves our depot" not in stored


def judging(body: Body) -> str:
    words = body["messages"][0]["content"]
    first = words.split("<reply_1>")[1].split("</reply_1>")[0]
    number = int(words.split("order number ")[1].split("?")[0])
    if number % 10 == 0:
        return "Both have their merits."
    if number % 10 == 1:
        return '{"better": 1}'  # whatever stands first
    return json.dumps({"better": 1 if "depot" in first else 2})


def test_a_judge_sees_both_orders_without_names(bench: Bench) -> None:
    bench.endpoint.models[JUDGE] = judging
    told = bench.compare(judge=JUDGE)["judge"]
    numbers = [number_in(body) for body in bench.endpoint.asked if body["model"] == TUNED]
    assert told["pairs"] == 30
    assert told["unreadable"] == sum(number % 10 == 0 for number in numbers)
    assert told["disagreeing"] == sum(number % 10 == 1 for number in numbers)
    assert told["tuned"] == 30 - told["ties"]
    assert told["base"] == 0
    assert told["verdict"] == "better"
    asked = [body["messages"][0]["content"] for body in bench.endpoint.asked if body["model"] == JUDGE]
    assert len(asked) == 60
    assert not any(name in words for words in asked for name in (TUNED, "tuned", "base model"))


def test_an_empty_answer_of_everybody_says_that_nothing_can_be_compared(bench: Bench) -> None:
    bench.endpoint.refuses = lambda body: Fault(status=400, message="no")
    with pytest.raises(NothingToCompare):
        bench.compare(limit=10)


def test_a_model_that_calls_tools_is_read_from_the_stream(endpoint: Endpoint) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": '{"id": 4}'}}
    endpoint.models["caller"] = lambda body: ("", [call])
    chat = Chat(endpoint.url, KEY, capabilities_of("openai"), Patience(seconds=1))
    reply = chat.ask("caller", [{"role": "user", "content": "Where?"}], tools=[{"type": "function"}])
    chat.close()
    assert reply.tool_calls == ({"name": "find", "arguments": '{"id": 4}'},)
    assert reply.first_seconds is not None
    assert endpoint.asked[0]["tools"] == [{"type": "function"}]


def test_an_endpoint_that_is_not_there_is_unavailable() -> None:
    chat = Chat("http://127.0.0.1:9/v1", KEY, capabilities_of("openai"), Patience(seconds=0))
    with pytest.raises(Unavailable):
        chat.ask("any", [{"role": "user", "content": "x"}])
    chat.close()


def test_what_was_under_way_when_another_failed_is_kept(bench: Bench) -> None:
    bench.endpoint.refuses = lambda body: Fault(status=401) if body["messages"][0]["content"] == "bad" else None
    chat = Chat(bench.endpoint.url, KEY, capabilities_of("openai"), Patience(seconds=0))
    asked = Asked(BASE, chat)
    words = ("good", "bad", "good", "good", "good")
    questions = [
        Question(str(at), "base", asked, ({"role": "user", "content": word},)) for at, word in enumerate(words)
    ]
    with pytest.raises(Interrupted):
        ask_all(bench.store, "ev", questions, at_once=2, progress=silent, label="")
    chat.close()
    kept = bench.store.value("SELECT count(*) FROM answers WHERE evaluation_id = 'ev'")
    assert 1 <= kept <= 3
