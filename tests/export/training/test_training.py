"""Real training of a very small model: what is learnt, what is measured, and going on after it was stopped."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from export.training.libraries import NEEDED, silence
from tests.export.training.builders import SIZE, example, metrics, pair, task

for needed in NEEDED:
    pytest.importorskip(needed, reason="the extra `train` is not installed")
silence()

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from export.training import loading  # noqa: E402
from export.training.answering import Answers, Sampling  # noqa: E402
from export.training.encoding import IGNORED, Encoder, Row  # noqa: E402
from export.training.errors import BadTrainingFile, UnknownBase  # noqa: E402
from export.training.examples import Example  # noqa: E402
from export.training.measuring import measure  # noqa: E402
from export.training.sources import SIZES, ModelSource  # noqa: E402
from export.training.task import Control, Task, read_task  # noqa: E402
from export.training.tiny import build  # noqa: E402
from export.training.worker import work  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # the libraries' own


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base of nano size, with a tokenizer learnt from the examples."""
    folder = tmp_path_factory.mktemp("models") / SIZE
    said = [message["content"] for number in range(40) for message in example(number)["messages"]]
    build(SIZES[SIZE], iter(said), folder)
    return folder


@pytest.fixture(scope="module")
def encoder(base: Path) -> Encoder:
    return Encoder(loading.load_tokenizer(ModelSource(str(base))))


@pytest.fixture(scope="module")
def trained(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Task:
    return run(task(tmp_path_factory.mktemp("trained") / "job", base, max_steps=8, eval_steps=4, batch_size=8))


def run(one: Task, control: Control | None = None) -> Task:
    one.write()
    work(read_task(one.folder), control or Control())
    return one


def ended(one: Task) -> dict[str, Any]:
    return one.told()[-1]


def learnt_text(encoder: Encoder, row: Row) -> str:
    return encoder.tokenizer.decode([label for label in row.labels if label != IGNORED])  # type: ignore[attr-defined]


def said() -> st.SearchStrategy[dict[str, Any]]:
    text = st.text(st.characters(codec="utf-8", exclude_characters="<"), min_size=1, max_size=12).filter(str.strip)
    user = st.builds(lambda words: {"role": "user", "content": words}, text)
    agent = st.builds(lambda words, weight: {"role": "assistant", "content": words, **weight}, text,
                      st.sampled_from([{}, {"weight": 1}, {"weight": 0}]))  # fmt: skip
    return st.one_of(user, agent)


@settings(max_examples=60)
@given(messages=st.lists(said(), min_size=1, max_size=7))
def test_labels_stand_on_the_answers_with_weight_and_their_ends_alone(
    encoder: Encoder, messages: list[dict[str, Any]]
) -> None:
    (row,) = encoder.example(Example(1, messages))
    wanted = [one["content"] for one in messages if one["role"] == "assistant" and one.get("weight", 1)]
    assert learnt_text(encoder, row) == "".join(words + "<|im_end|>" for words in wanted)
    assert all(label in (IGNORED, token) for token, label in zip(row.input_ids, row.labels, strict=True))


def test_a_template_that_shows_old_answers_differently_gives_a_row_for_each(base: Path) -> None:
    tokenizer = loading.load_tokenizer(ModelSource(str(base)))
    tokenizer.chat_template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content if loop.last or m.role == 'user' else '...' }}"
        "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    encoder = Encoder(tokenizer)
    messages = [message for number in (1, 2) for message in example(number)["messages"] if message["role"] != "system"]
    rows = encoder.example(Example(1, messages))
    assert [learnt_text(encoder, row) for row in rows] == [
        f"Order {number} leaves on day {number + 1}.<|im_end|>" for number in (1, 2)
    ]


def test_a_template_that_refuses_names_the_line(base: Path) -> None:
    tokenizer = loading.load_tokenizer(ModelSource(str(base)))
    tokenizer.chat_template = "{{ raise_exception('not this: ' + messages[0].content) }}"
    with pytest.raises(BadTrainingFile, match="Line 7: ") as caught:
        Encoder(tokenizer).example(Example(7, example(1)["messages"]))
    assert "Help." not in caught.value.message


def test_training_lowers_the_loss_and_tells_honest_figures(trained: Task) -> None:
    found = metrics(trained)
    assert list(found) == list(range(9)), "step 0 and every step are told"
    assert found[8]["valid_loss"] < found[4]["valid_loss"] < found[0]["valid_loss"]
    assert found[0]["valid_loss"] == pytest.approx(math.log(512), abs=0.3), "an untrained model knows nothing"
    assert found[8]["valid_perplexity"] == pytest.approx(math.exp(found[8]["valid_loss"]), rel=1e-4)
    assert 0 < found[8]["train_mean_token_accuracy"] <= 1
    plan = next(line for line in trained.told() if line["kind"] == "plan")
    assert (plan["examples"], plan["steps"], plan["hyperparameters"]["batch_size"]) == (40, 8, 8)
    assert ended(trained)["status"] == "succeeded"


def test_the_measured_loss_is_that_of_the_tokens_whatever_the_batch(trained: Task, encoder: Encoder) -> None:
    model = loading.load_model(ModelSource(str(trained.model)), dtype=loading.torch.float32)
    rows = [row for number in range(100, 108) for row in encoder.example(Example(1, example(number)["messages"]))]
    whole, alone = measure(model, rows, pad=0), [measure(model, [row], pad=0) for row in rows]
    assert whole.tokens == sum(row.learnt for row in rows)
    assert whole.loss == pytest.approx(sum(one.loss * one.tokens for one in alone) / whole.tokens, rel=1e-4)
    assert whole.loss == pytest.approx(metrics(trained)[8]["valid_loss"], rel=1e-4), "what was told is what is there"


def test_the_same_seed_gives_the_same_weights_also_after_a_pause(trained: Task, base: Path, tmp_path: Path) -> None:
    again = task(tmp_path / "job", base, max_steps=8, eval_steps=4, batch_size=8)
    again.write()
    asked = Control("pause")  # it stops after the first step, and keeps it
    work(again, asked)
    assert (ended(again)["status"], again.last_checkpoint()) == ("paused", 1)
    work(again, Control())
    assert ended(again)["status"] == "succeeded"
    one, other = (weights(of.model) for of in (trained, again))
    assert one.keys() == other.keys()
    assert all(loading.torch.allclose(one[name], other[name], atol=1e-5) for name in one)


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def test_a_cancelled_training_leaves_no_model(base: Path, tmp_path: Path) -> None:
    one = run(task(tmp_path / "job", base, max_steps=8), Control("cancel"))
    assert ended(one)["status"] == "cancelled"
    assert not one.model.exists()


def test_lora_trains_an_adapter_that_is_merged_when_it_answers(base: Path, tmp_path: Path) -> None:
    one = run(task(tmp_path / "job", base, max_steps=6, eval_steps=6, lora=True, lora_r=8, learning_rate=0.05))
    plan = next(line for line in one.told() if line["kind"] == "plan")
    assert plan["trained"] < plan["parameters"]
    assert (one.model / "adapter_config.json").is_file()
    assert not (one.model / "model.safetensors").exists()
    under = ModelSource(str(base))
    answers = Answers()
    messages = example(3)["messages"]
    before, after = (answers.score(source, messages, []) for source in (under, ModelSource(str(one.model), under)))
    assert after.loss < before.loss
    assert after.tokens == before.tokens


def test_packing_changes_neither_what_is_learnt_nor_what_it_is_learnt_from(base: Path, tmp_path: Path) -> None:
    """The first step of full batches in one row must have the loss of the same examples one by one."""
    packed = run(task(tmp_path / "packed", base, max_steps=1, packing=True, batch_size=40, max_length=512))
    plain = run(task(tmp_path / "plain", base, max_steps=1, batch_size=40))
    losses = [metrics(one)[1]["train_loss"] for one in (packed, plain)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_it_stops_early_and_keeps_the_best(base: Path, tmp_path: Path) -> None:
    wild = {"learning_rate": 1, "max_grad_norm": 0, "warmup_ratio": 0, "lr_scheduler_type": "constant"}
    one = run(task(tmp_path / "job", base, max_steps=30, eval_steps=1, early_stopping_patience=2, batch_size=8, **wild))
    found = {step: line["valid_loss"] for step, line in metrics(one).items() if step and "valid_loss" in line}
    best = min(found, key=lambda step: found[step])
    assert max(found) == best + 2 < 30
    assert ended(one)["status"] == "succeeded"
    kept, then = (weights(folder) for folder in (one.model, one.checkpoint(best)))
    assert all(loading.torch.equal(kept[name], then[name]) for name in kept)


def test_preferences_are_learnt(base: Path, tmp_path: Path) -> None:
    one = run(task(tmp_path / "job", base, method="dpo", max_steps=6, eval_steps=6, batch_size=8))
    found = metrics(one)
    assert found[0]["valid_loss"] == pytest.approx(math.log(2), abs=1e-3), "the model is its own reference at first"
    assert found[6]["valid_loss"] < found[0]["valid_loss"]
    assert found[6]["valid_reward_accuracy"] == 1.0
    assert pair(1)["input"]["messages"][0]["content"] not in str(one.told())


def test_what_is_too_long_is_cut_at_its_beginning_and_told(base: Path, tmp_path: Path) -> None:
    one = task(tmp_path / "job", base, max_steps=1, max_length=16)
    run(one)
    assert [line["message"] for line in one.told() if line["kind"] == "note"] == [
        "40 of 40 examples are longer than 16 tokens: their oldest tokens were cut.",
        "8 of 8 examples are longer than 16 tokens: their oldest tokens were cut.",
    ]


def test_an_unknown_base_fails_with_words(tmp_path: Path) -> None:
    one = task(tmp_path / "job", tmp_path / "nowhere")
    one = Task(one.folder, one.method, one.base, one.train, one.validation, one.recipe, None)
    run(one)
    assert (ended(one)["status"], ended(one)["code"]) == ("failed", UnknownBase.code)


def test_a_base_without_dropout_says_so(base: Path, tmp_path: Path) -> None:
    ok = run(task(tmp_path / "llama", base, max_steps=1, dropout=0.2))
    assert ended(ok)["status"] == "succeeded", "a Llama has attention dropout"


def test_answers_stop_and_are_the_same_with_the_same_seed(trained: Task) -> None:
    answers, source = Answers(), ModelSource(str(trained.model))
    question = [{"role": "user", "content": "Where is order 7?"}]

    def ask(how: Sampling) -> tuple[str, list[Any], list[bool]]:
        begun = answers.answer(source, question, [], how)
        pieces = list(begun.pieces)
        return "".join(piece.text for piece in pieces), pieces, begun.ends

    one, other = ask(Sampling(seed=4, most=12, top=3)), ask(Sampling(seed=4, most=12, top=3))
    assert one[0] == other[0]
    assert len(one[1]) <= 12
    for piece in one[1]:
        assert [likely.logprob for likely in piece.others] == sorted(
            (likely.logprob for likely in piece.others), reverse=True
        )
        assert piece.chosen.logprob <= piece.others[0].logprob <= 0
    likeliest, _, _ = ask(Sampling(temperature=0, most=12))
    middle = likeliest[3:5]
    stopped, _, ends = ask(Sampling(temperature=0, most=12, stop=(middle,)))
    assert stopped == likeliest[: likeliest.find(middle)]
    assert ends == [True]


def test_a_checkpoint_that_a_kill_left_half_is_not_gone_on_from(trained: Task, tmp_path: Path) -> None:
    copied = tmp_path / "job"
    shutil.copytree(trained.folder, copied)
    one = Task(copied, trained.method, trained.base, trained.train, trained.validation, trained.recipe, SIZE)
    assert one.last_checkpoint() == 8
    one.checkpoint(12).mkdir()  # written, but never reported whole
    assert one.last_checkpoint() == 8
    shutil.rmtree(one.checkpoint(8))
    assert one.last_checkpoint() == 4
