"""Export the trained network and make it int8: `python -m benchmarks.name_model.quantise FOLDER`.

Reads FOLDER/network.pt, writes curate/redact/name_model/names.onnx and tokenizer.json. Quantisation is static: its
scales come from real texts once. Dynamic quantisation takes them from each batch, and so what is found in a text would
depend on the texts beside it.
"""

import argparse
import random
import shutil
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor, nn

from benchmarks.name_model.data import IGNORED, SEED, SHARED, Example, examples, rows, tokenizer
from benchmarks.name_model.network import LABELS, WIDTH, Network, minilm_folder

PACKAGE = Path(__file__).parents[2] / "curate/redact/name_model"
OPSET = 17
CALIBRATION = 600  # texts
COMPARED = 1500  # texts that int8 and floats are compared on, and the temperature is chosen on
COMMON = 99.99  # percentile: a few activations are ten times larger than all others, and would take the int8 range
TYPES = ["MatMul", "Gemm"]
TOO_MUCH = 0.01  # points of F1 that int8 may cost


class SmallEmbedding(nn.Module):
    """An embedding in int8 with a scale for each row: one scale for all rows would cost a point of F1."""

    def __init__(self, whole: nn.Embedding) -> None:
        super().__init__()
        weight = whole.weight.detach()
        scale = weight.abs().amax(1, keepdim=True).clamp(min=1e-8) / 127
        self.register_buffer("scale", scale)
        self.register_buffer("rows", (weight / scale).round().to(torch.int8))

    def forward(self, ids: Tensor) -> Tensor:
        """Give the rows of these ids as floats."""
        return self.rows[ids].float() * self.scale[ids]


class Scored(nn.Module):
    """The network with probabilities for its answer; the temperature makes them mean what they say."""

    def __init__(self, network: Network, temperature: float) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Give probabilities of shape (texts, tokens, labels), and the states that a workspace's own model adds to."""
        states = self.network.states(ids)
        logits = self.network.head(states.reshape(-1, WIDTH)).view(*ids.shape, len(LABELS))
        return torch.softmax(logits / self.temperature, dim=-1), states


def temperature_of(network: Network, data: list[Example]) -> float:
    """Give the temperature with the least cross entropy on texts that were not trained on (Guo et al. 2017)."""
    with torch.no_grad():
        logits = torch.cat([network(torch.tensor([ids]))[0] for ids, _ in data])
    labels = torch.tensor([label for _, text in data for label in text])
    losses = {
        one / 20: float(nn.functional.cross_entropy(logits / (one / 20), labels, ignore_index=IGNORED))
        for one in range(8, 50)
    }
    return min(losses, key=lambda one: losses[one])


def cut_off(network: Network, data: list[Example]) -> None:
    """Cap each layer's wide part at what all but a few activations stay below (costs nothing; int8 gains a point)."""
    seen: list[list[Tensor]] = [[] for _ in network.layers]
    hooks = [
        layer.wider.register_forward_hook(lambda _part, _given, result, kept=kept: kept.append(result.flatten()))
        for layer, kept in zip(network.layers, seen, strict=True)
    ]
    with torch.no_grad():
        for ids, _ in random.Random(SEED).sample(data, CALIBRATION // 2):
            network(torch.tensor([ids]))
    for hook, layer, kept in zip(hooks, network.layers, seen, strict=True):
        hook.remove()
        layer.cap = float(np.percentile(nn.functional.gelu(torch.cat(kept)).numpy(), COMMON))


def between_activations(path: Path) -> list[str]:
    """Name the matrix products of attention: small, and no weights in them, so floats serve better."""
    graph = onnx.load(path).graph
    weights = {one.name for one in graph.initializer}
    return [node.name for node in graph.node if node.op_type == "MatMul" and not weights.intersection(node.input)]


class RealTexts(CalibrationDataReader):
    """Texts to take the scales from: training tweets and synthetic turns, and bank customers' questions."""

    def __init__(self, data: list[Example]) -> None:
        words = tokenizer()
        questions = [row["turns"][0]["text"] for row in rows(SHARED / "conversations/banking77.jsonl.gz")]
        rng = random.Random(SEED)
        texts = [ids for ids, _ in rng.sample(data, CALIBRATION * 4 // 5)]
        texts += [words.encode(text).ids for text in rng.sample(questions, CALIBRATION // 5)]
        self._texts = iter(texts)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Give the next text as the network's input."""
        ids = next(self._texts, None)
        return None if ids is None else {"ids": np.array([ids])}


def f1(path: Path, data: list[Example]) -> float:
    """Give the F1 of words that are told to be names, over all labels but O."""
    session = onnxruntime.InferenceSession(path)
    hit = told = true = 0
    for ids, labels in data:
        guess = session.run(["scores"], {"ids": np.array([ids])})[0][0].argmax(-1)
        for one, label in zip(guess, labels, strict=True):
            if label != IGNORED:
                hit += one == label != 0
                told += one != 0
                true += label != 0
    return 2 * hit / (told + true)


def export(network: nn.Module, path: Path) -> None:
    """Write a network as ONNX, with texts and tokens of any number."""
    free = {0: "texts", 1: "tokens"}
    torch.onnx.export(
        network,
        (torch.ones(2, 8, dtype=torch.long),),
        path,
        input_names=["ids"],
        output_names=["scores", "states"],
        dynamic_axes={"ids": free, "scores": free, "states": free},
        opset_version=OPSET,
        dynamo=False,
    )


def main() -> None:
    """Export, quantise, compare, and write the package's files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    network = Network()
    network.load_state_dict(torch.load(folder / "network.pt"))
    network.eval()
    torch.set_num_threads(1)
    train, chosen = examples(4000)
    chosen = random.Random(SEED).sample(chosen, COMPARED)
    temperature = temperature_of(network, chosen)
    with tempfile.TemporaryDirectory() as work:
        names = ("whole.onnx", "capped.onnx", "ready.onnx", "small.onnx")
        whole, capped, ready, small = (Path(work) / name for name in names)
        export(Scored(network, temperature), whole)
        cut_off(network, train)
        network.words = SmallEmbedding(network.words)
        export(Scored(network, temperature), capped)
        quant_pre_process(capped, ready, skip_symbolic_shape=True)
        quantize_static(
            ready,
            small,
            RealTexts(train),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=TYPES,
            nodes_to_exclude=between_activations(ready),
            extra_options={"OpTypesToExcludeOutputQuantization": TYPES},  # what follows them is done in floats anyway
        )
        before, after = f1(whole, chosen), f1(small, chosen)
        print(
            f"temperature {temperature}  F1 {before:.4f} as floats, {after:.4f} as int8, {small.stat().st_size:,} bytes"
        )
        if before - after > TOO_MUCH:
            raise SystemExit("int8 costs too much: look at the calibration texts.")
        onnx.checker.check_model(small)
        shutil.copyfile(small, PACKAGE / "names.onnx")
    shutil.copyfile(minilm_folder() / "tokenizer.json", PACKAGE / "tokenizer.json")
    print(", ".join(LABELS))


if __name__ == "__main__":
    main()
