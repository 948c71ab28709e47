"""Build a small Llama from nothing, and its tokenizer from a training file: enough to rehearse the whole path.

The same file gives the same tokenizer and the same weights.
"""

# torch and its friends belong to the extra `train`, and have no types that help.
# pyright: reportMissingImports=false, reportMissingModuleSource=false, reportUnknownParameterType=false
# pyright: reportUntypedBaseClass=false, reportPrivateImportUsage=false, reportAttributeAccessIssue=false
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from export.training.examples import Message
from export.training.sources import Size

PAD, START, END = "<|pad|>", "<|im_start|>", "<|im_end|>"
SEED = 0

# ChatML, with tools and calls as JSON.
TEMPLATE = (
    "{%- if tools %}<|im_start|>tools\n{{ tools | tojson }}<|im_end|>\n{% endif %}"
    "{%- for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content or '' }}"
    "{%- for call in message.tool_calls or [] %}\n<call>{{ call.function | tojson }}</call>{%- endfor %}<|im_end|>\n"
    "{% endfor %}{%- if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def build(size: Size, texts: Iterator[str], folder: Path) -> None:
    """Write a model and its tokenizer into a folder, which is there whole or not at all."""
    partial = folder.with_name(folder.name + ".partial")
    tokenizer = _tokenizer(size, texts)
    tokenizer.save_pretrained(partial)
    _model(size, tokenizer).save_pretrained(partial)
    partial.replace(folder)


def texts_of(messages: list[Message]) -> Iterator[str]:
    """Give what messages say, for a tokenizer to learn from."""
    for message in messages:
        if isinstance(message.get("content"), str):
            yield message["content"]


def _tokenizer(size: Size, texts: Iterator[str]) -> Any:  # noqa: ANN401 - transformers' own
    """Learn a byte-level BPE, which has a token for every byte and so for every text."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size.vocabulary, show_progress=False, special_tokens=[PAD, START, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )  # fmt: skip
    made.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token=PAD, eos_token=END, chat_template=TEMPLATE, model_max_length=size.context
    )


def _model(size: Size, tokenizer: Any) -> Any:  # noqa: ANN401 - transformers' own
    config = LlamaConfig(
        vocab_size=size.vocabulary, hidden_size=size.hidden, intermediate_size=size.inner,
        num_hidden_layers=size.layers, num_attention_heads=size.heads, max_position_embeddings=size.context,
        tie_word_embeddings=True, bos_token_id=None, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return LlamaForCausalLM(config)
