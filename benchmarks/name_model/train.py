"""Fine-tune MiniLM for names: `python -m benchmarks.name_model.train FOLDER [--steps N]` writes FOLDER/network.pt.

The number of steps is fixed, not the time, so that the same seed and library give the same weights on the same kind
of processor.
"""

import argparse
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.name_model.data import IGNORED, SEED, Example, examples
from benchmarks.name_model.network import LABELS, Network

STEPS = 2400  # half an hour on two free cores
COOLING = 500  # last steps, in which the rate falls to nothing
SYNTHETIC = 100_000  # turns
BATCH = 64
WARM_UP = 200  # steps
BODY_RATE, HEAD_RATE = 1.5e-4, 1e-3
DECAY = 0.01
CLIP = 1.0
WEIGHTS = (0.8, 1.3, 1.2, 1.0, 1.0)  # of the labels, in their order: a missed name costs more than a word too many
SAVE_EVERY = 500
STRIDE = 4  # lengths are filled up to a multiple: a processor's kernels are made anew for every shape
BUCKET = 40  # batches that are sorted by length together


def batches(data: Sequence[Example], rng: random.Random) -> Iterator[list[Example]]:
    """Give batches of texts of like length, in random order, over and over."""
    while True:
        order = rng.sample(range(len(data)), len(data))
        for at in range(0, len(order), BATCH * BUCKET):
            bucket = sorted((data[one] for one in order[at : at + BATCH * BUCKET]), key=lambda one: len(one[0]))
            groups = [bucket[start : start + BATCH] for start in range(0, len(bucket), BATCH)]
            yield from rng.sample(groups, len(groups))


def padded(batch: list[Example]) -> tuple[Tensor, Tensor, Tensor]:
    """Give ids, mask and labels of a batch, filled up to its longest text."""
    longest = -(-max(len(ids) for ids, _ in batch) // STRIDE) * STRIDE
    ids = torch.tensor([one + [0] * (longest - len(one)) for one, _ in batch])
    labels = torch.tensor([one + [IGNORED] * (longest - len(one)) for _, one in batch])
    lengths = torch.tensor([len(one) for one, _ in batch])
    return ids, torch.arange(longest)[None] < lengths[:, None], labels


def optimizer_of(network: Network) -> torch.optim.Optimizer:
    """Make the optimizer: the new head learns faster, and norms and biases do not decay."""
    head = set(network.head.parameters())
    body = [one for one in network.parameters() if one not in head]
    groups = [
        {"params": [one for one in body if one.ndim > 1], "lr": BODY_RATE, "weight_decay": DECAY},
        {"params": [one for one in body if one.ndim == 1], "lr": BODY_RATE, "weight_decay": 0.0},
        {"params": list(head), "lr": HEAD_RATE, "weight_decay": DECAY},
    ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=True)


def rate(step: int, last: int) -> float:
    """Give the share of the full learning rate: up, level, and down over the last steps."""
    return max(0.0, min(1.0, (step + 1) / WARM_UP, (last - step) / COOLING))


def validate(network: Network, data: Sequence[Example]) -> dict[str, tuple[float, float]]:
    """Give recall and precision of each label, word by word."""
    found: dict[int, list[int]] = {label: [0, 0, 0] for label in range(1, len(LABELS))}
    network.eval()
    ordered = sorted(data, key=lambda one: len(one[0]))
    with torch.no_grad():
        for at in range(0, len(ordered), 128):
            ids, mask, labels = padded(ordered[at : at + 128])
            guess = network(ids, mask).argmax(-1)
            for label, counts in found.items():
                told, true = (guess == label) & (labels != IGNORED), labels == label
                counts[0] += int((told & true).sum())
                counts[1] += int(true.sum())
                counts[2] += int(told.sum())
    network.train()
    return {
        LABELS[k]: (round(hit / max(1, true), 3), round(hit / max(1, told), 3))
        for k, (hit, true, told) in found.items()
    }


def train(folder: Path, steps: int, minutes: float) -> None:
    """Train, print how it goes, and save every now and then.

    When so many minutes have passed the rate begins to fall: the same weights come out of that many `steps` again.
    """
    torch.manual_seed(SEED)
    torch.set_num_threads(2)
    data, chosen = examples(SYNTHETIC)
    network = Network.from_minilm().train()
    optimizer = optimizer_of(network)
    full = [group["lr"] for group in optimizer.param_groups]
    loss_of = nn.CrossEntropyLoss(weight=torch.tensor(WEIGHTS), ignore_index=IGNORED, label_smoothing=0.02)
    source = batches(data, random.Random(SEED))
    begun, total = time.monotonic(), 0.0
    step = 0
    while step < steps:
        for group, most in zip(optimizer.param_groups, full, strict=True):
            group["lr"] = most * rate(step, steps)
        step += 1
        if step + COOLING < steps and time.monotonic() - begun > minutes * 60:
            steps = step + COOLING
        ids, mask, labels = padded(next(source))
        loss = loss_of(network(ids, mask).flatten(0, 1), labels.flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()
        total += loss.item()
        if step % 100 == 0:
            print(
                f"{step:>6} of {steps}  loss {total / 100:.4f}  {step / (time.monotonic() - begun):.2f} steps/s",
                flush=True,
            )
            total = 0.0
        if step % SAVE_EVERY == 0 or step == steps:
            torch.save(network.state_dict(), folder / "network.pt")
            print(validate(network, chosen), flush=True)


def main() -> None:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="begin to end after so long; needs no --steps"
    )
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    train(given.folder, given.steps, given.minutes)


if __name__ == "__main__":
    main()
