"""Bundles loaded by the trainers' own code: what it would learn of each line is exactly the answer that may be learnt.

The tokenizer is one byte a token and the models have a few thousand weights, so nothing is downloaded. A trainer that
is not installed skips its test: TRL runs in CI, the others were run by hand (docs/tasks/formats.md has the versions).
"""

# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingModuleSource=false, reportAttributeAccessIssue=false

import json
import os
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from export.dataset import build_dataset
from export.formats.registry import find_target
from store.workspace import Workspace
from tests.export.builders import Case, add_curated, many, plain_turns

pytestmark = pytest.mark.filterwarnings("ignore")  # what libraries say of each other

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}"
    "{% if m.get('tool_calls') %}{{ m['tool_calls'] | tojson }}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ON_CPU = ["--use_cpu", "true", "--bf16", "false", "--eval_strategy", "no"]
MARKS = ["<|im_start|>", "<|im_end|>", "<|pad|>"]
TOOLS = [{"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {}}}}]
OTHER_TOOLS = [{"type": "function", "function": {"name": "pay", "parameters": {"type": "object", "required": ["a"]}}}]


def with_tool(key: str, tools: list[dict[str, Any]], arguments: dict[str, Any]) -> Case:
    name = tools[0]["function"]["name"]
    return Case(key, turns=[
        ("customer", json.dumps(tools), {"kind": "tools"}), ("customer", f"Look after {key}."),
        ("agent", json.dumps(arguments), {"kind": "tool_call", "event_type": name, "tool_call_id": "x"}),
        ("agent", '{"found": true}', {"kind": "tool_result", "tool_call_id": "x"}), ("agent", f"Found {key}."),
    ])  # fmt: skip


TALK = Case("talk", turns=[
    ("agent", "Welcome!"), ("customer", "Where is it?"), ("bot", "I am a bot."), ("agent", "On its way."),
    ("customer", "Thanks"), ("agent", "Gladly."),
])  # fmt: skip


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Give the folder of a bundle by the name of its format."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHATMILL_KEY", "5a" * 32)
        workspace = Workspace.create(tmp_path_factory.mktemp("loading") / "w")
        with workspace.open() as store:
            drafts = [
                Case(f"d{n:02}", turns=[("customer", f"Case {n}?"), ("agent", "Perhaps not.", {"is_draft": True}),
                                        ("agent", f"Yes to {n}.")])
                for n in range(30)
            ]  # fmt: skip
            tooled = [with_tool("one", TOOLS, {"a": 1}), with_tool("two", OTHER_TOOLS, {"b": {"c": "d"}})]
            add_curated(store, [*many(10), *drafts, *tooled, TALK])
            labels = [
                {"conversation_key": one.key, "signal": "language", "label": "en", "run_id": "r"} for one in drafts
            ]
            store.append("signals", pl.DataFrame(labels))
            yield lambda name: build_dataset(workspace, store, format=name, redacted=plain_turns).folder


@pytest.fixture
def within(bundles: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Go into a bundle's folder, as START.md asks for."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def go(name: str) -> Path:
        folder = bundles(name)
        monkeypatch.chdir(folder)
        return folder

    return go


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    tokenizers, transformers = pytest.importorskip("tokenizers"), pytest.importorskip("transformers")
    letters = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    bare = tokenizers.Tokenizer(tokenizers.models.BPE({letter: at for at, letter in enumerate(letters)}, []))
    bare.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bare.decoder = tokenizers.decoders.ByteLevel()
    bare.add_special_tokens(MARKS)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=bare, eos_token="<|im_end|>", pad_token="<|pad|>", chat_template=CHATML
    )


@pytest.fixture(scope="module")
def model(tokenizer: Any) -> Any:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("torch")
    shape = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(vocab_size=len(tokenizer), **shape))


def answers(folder: Path, name: str, split: str = "train") -> list[str]:
    """Give what may be learnt of each line."""
    target = find_target(name)
    told = [target.read(json.loads(line)) for line in (folder / target.files[split]).read_bytes().splitlines()]
    return [one["messages"][-1]["content"] for one in told]  # pyright: ignore[reportIndexIssue, reportCallIssue, reportArgumentType]


def test_trl_learns_the_answer_of_each_line_alone(within: Any, tokenizer: Any, model: Any) -> None:
    trl = pytest.importorskip("trl")
    folder = within("trl")
    parser = trl.TrlParser(
        (trl.ScriptArguments, trl.SFTConfig, trl.ModelConfig, trl.scripts.utils.DatasetMixtureConfig)
    )
    _, config, lora, mixture = parser.parse_args_and_config(["--config", "trl.yaml", *ON_CPU])
    assert (lora.use_peft, config.completion_only_loss) == (True, True)
    loaded = trl.get_dataset(mixture)["train"]
    trainer = trl.SFTTrainer(model=model, args=config, train_dataset=loaded, processing_class=tokenizer)
    for row, answer in zip(trainer.train_dataset, answers(folder, "trl"), strict=True):
        batch = trainer.data_collator([row])
        learnt = [token for token in batch["labels"][0].tolist() if token != -100]
        said = tokenizer.decode(learnt, skip_special_tokens=True).strip()
        assert said == answer if answer else '"name": "' in said
    assert "I am a bot." not in answers(folder, "trl")


def test_trl_prefers_what_was_sent(within: Any, tokenizer: Any, model: Any) -> None:
    trl = pytest.importorskip("trl")
    within("trl-preference")
    parser = trl.TrlParser(
        (trl.ScriptArguments, trl.DPOConfig, trl.ModelConfig, trl.scripts.utils.DatasetMixtureConfig)
    )
    _, config, _, mixture = parser.parse_args_and_config(["--config", "trl.yaml", *ON_CPU, "--max_steps", "1"])
    loaded = trl.get_dataset(mixture)["train"]
    trainer = trl.DPOTrainer(
        model=model, ref_model=deepcopy(model), args=config, train_dataset=loaded, processing_class=tokenizer
    )
    for row in trainer.train_dataset:
        assert "Yes to" in tokenizer.decode(row["chosen_ids"])
        assert "Perhaps not" in tokenizer.decode(row["rejected_ids"])
    assert trainer.train().training_loss > 0


def test_axolotl_learns_the_answers_of_weight_1(within: Any, tokenizer: Any) -> None:
    strategies = pytest.importorskip("axolotl.prompt_strategies.chat_template")
    datasets, yaml = pytest.importorskip("datasets"), pytest.importorskip("yaml")
    from axolotl.utils.dict import DictDefault

    folder = within("axolotl")
    config = DictDefault(yaml.safe_load((folder / "axolotl.yaml").read_text()))
    strategy = strategies.load(tokenizer, config, config["datasets"][0])
    rows = datasets.load_dataset("json", data_files="train.jsonl", split="train")
    assert rows.num_rows == len((folder / "train.jsonl").read_bytes().splitlines())
    learnt: list[str] = []
    for row in rows:
        made = strategy.tokenize_prompt(row)
        learnt.append(tokenizer.decode([token for token in made["labels"] if token != -100]))
    raw = (folder / "train.jsonl").read_text()
    assert ("I am a bot." in raw) == any("On its way." in one for one in learnt)
    assert not any("bot" in one or "Where is it" in one for one in learnt)


def test_axolotl_prefers_what_was_sent(within: Any, tokenizer: Any) -> None:
    dpo = pytest.importorskip("axolotl.prompt_strategies.dpo.chat_template")
    datasets, yaml = pytest.importorskip("datasets"), pytest.importorskip("yaml")
    from axolotl.utils.dict import DictDefault

    folder = within("axolotl-preference")
    transform, _ = dpo.default(DictDefault(yaml.safe_load((folder / "axolotl.yaml").read_text())))
    for row in datasets.load_dataset("json", data_files="train.jsonl", split="train"):
        made = transform(row, tokenizer=tokenizer)
        assert made["chosen"].startswith("Yes to")
        assert made["rejected"].startswith("Perhaps")


@pytest.mark.parametrize("name", ["llama-factory", "llama-factory-preference"])
def test_llama_factory_skips_no_line_and_learns_the_last_answer(within: Any, tokenizer: Any, name: str) -> None:
    parser = pytest.importorskip("llamafactory.data.parser")
    datasets = pytest.importorskip("datasets")
    from llamafactory.data.converter import get_dataset_converter
    from llamafactory.data.processor.supervised import SupervisedDatasetProcessor
    from llamafactory.data.template import get_template_and_fix_tokenizer
    from llamafactory.hparams import DataArguments

    folder = within(name)
    [attribute] = parser.get_dataset_list(["chatmill_train"], ".")
    arguments = DataArguments(dataset_dir=".", template="qwen", cutoff_len=4096, mask_history=name == "llama-factory")
    convert = get_dataset_converter(attribute.formatting, attribute, arguments)
    rows = [convert(row) for row in datasets.load_dataset("json", data_files=attribute.dataset_name, split="train")]
    assert rows
    assert all(len(row["_prompt"]) % 2 == 1 for row in rows)  # one that is skipped has none
    if name.endswith("preference"):
        assert all([said["content"][:2] for said in row["_response"]] == ["Ye", "Pe"] for row in rows)
        return
    template = get_template_and_fix_tokenizer(tokenizer, arguments)
    processor = SupervisedDatasetProcessor(template, tokenizer, None, arguments)
    for row, answer in zip(rows, answers(folder, name), strict=True):
        made = processor.preprocess_dataset({key: [value] for key, value in row.items()})
        said = tokenizer.decode([token for token in made["labels"][0] if token != -100], skip_special_tokens=True)
        assert said.strip() == answer if answer else "arguments" in said


@pytest.mark.parametrize("name", ["torchtune", "torchtune-preference"])
def test_torchtune_reads_every_message(within: Any, name: str) -> None:
    data = pytest.importorskip("torchtune.data")
    folder = within(name)
    kind = data.ChosenRejectedToMessages if name.endswith("preference") else data.OpenAIToMessages
    lines = [json.loads(line) for line in (folder / "train.jsonl").read_bytes().splitlines()]
    assert lines
    for line in lines:
        for messages in kind()(line).values():
            data.validate_messages(messages)
            assert [one.masked for one in messages] == [one.role != "assistant" for one in messages]


def test_mlx_lm_learns_the_last_answer(within: Any, tokenizer: Any) -> None:
    reading, yaml = pytest.importorskip("mlx_lm.tuner.datasets"), pytest.importorskip("yaml")
    folder = within("mlx-lm")
    config = SimpleNamespace(**yaml.safe_load((folder / "mlx_lm.yaml").read_text()))
    parts = reading.load_local_dataset(Path(config.data), tokenizer, config)
    assert [len(part) for part in parts] == [
        len(answers(folder, "mlx-lm", split)) for split in ("train", "validation", "test")
    ]
    for row, answer in zip((parts[0][at] for at in range(len(parts[0]))), answers(folder, "mlx-lm"), strict=True):
        tokens, offset = parts[0].process(row)
        said = tokenizer.decode(tokens[offset:], skip_special_tokens=True).strip()
        assert said == answer if answer else '"arguments"' in said


@pytest.mark.parametrize("name", ["together", "together-preference"])
def test_together_passes_its_own_check(within: Any, name: str) -> None:
    checking = pytest.importorskip("together.lib.utils.files")
    folder = within(name)
    for split in ("train", "validation", "test"):
        report = checking.check_file(folder / f"{split}.jsonl")
        assert report["is_check_passed"], report["message"]


def test_unsloth_standardises_every_line(within: Any) -> None:
    os.environ.setdefault("UNSLOTH_IS_PRESENT", "1")
    try:
        from unsloth_zoo.dataset_utils import standardize_data_formats
    except (ImportError, NotImplementedError) as error:
        pytest.skip(f"Unsloth does not load here: {error}")
    datasets = pytest.importorskip("datasets")
    folder = within("unsloth")
    rows = datasets.load_dataset("json", data_files="train.jsonl", split="train")
    done = standardize_data_formats(rows)
    told = [json.loads(line)["conversations"] for line in (folder / "train.jsonl").read_bytes().splitlines()]
    assert [row["conversations"] for row in done] == told
    compile((folder / "train_unsloth.py").read_text(), "train_unsloth.py", "exec")
