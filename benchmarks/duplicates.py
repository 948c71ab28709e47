"""Near-duplicates: chatmill's clusters beside datasketch's MinHashLSH, on generated support conversations.

    python -m benchmarks.duplicates [--conversations 20000] [--seed 1]

Prints conversations a second, peak memory, and recall: of the pairs whose true Jaccard similarity reaches the
threshold, how many ended in one cluster. datasketch only names candidates, so its time leaves verifying out. Both run
on one core. Each measures in a process of its own, so that the peaks do not mix.
"""

import argparse
import importlib.util
import multiprocessing
import random
import resource
import time
from collections.abc import Sequence
from itertools import combinations

from curate.dedup.clusters import Shingles, clusters, jaccard
from curate.dedup.signing import Signed, normalised, shingles, sign

THRESHOLD, WIDTH, PERMUTATIONS = 0.8, 3, 128
COPIES = 4
BATCH = 2000
PARTS = (
    ("Hi,", "Hello,", "Good morning,", "Hey there,"),
    ("my order", "the parcel", "my subscription", "the refund", "my account", "the invoice", "my booking"),
    ("has not arrived", "was cancelled", "is broken", "was charged twice", "cannot be opened", "shows an error"),
    ("since Monday", "for two weeks", "after the last update", "although I paid", "and nobody answers me"),
    ("Can you help?", "What can I do?", "Please send it again.", "I want my money back.", "Please call me."),
    ("I am sorry to hear that.", "Thank you for writing to us.", "Let me look into it.", "I can see the problem."),
    ("Could you tell me its number?", "It was sent on Tuesday.", "We have sent a new one.", "I have paid it back."),
)


def generated(count: int, seed: int) -> list[str]:
    """Make conversations in families of a text and changed copies of it, as macros and double imports give."""
    draw = random.Random(seed)
    texts: list[str] = []
    while len(texts) < count:
        words = " ".join(
            f"{draw.choice(part)} {draw.randrange(100_000)}" if draw.random() < 0.3 else draw.choice(part)
            for _ in range(draw.randint(2, 5))
            for part in PARTS
        ).split()
        for _ in range(draw.choice((1, 1, 1, COPIES))):
            rate = draw.choice((0.0, 0.01, 0.03, 0.06))
            texts.append(" ".join(str(draw.randrange(100_000)) if draw.random() < rate else word for word in words))
    draw.shuffle(texts)
    return texts[:count]


def ours(texts: Sequence[str]) -> list[int]:
    """Cluster with chatmill: sign, band, verify."""
    import numpy as np

    parts = [sign(texts[at : at + BATCH], width=WIDTH, permutations=PERMUTATIONS) for at in range(0, len(texts), BATCH)]
    signed = Signed(*(np.concatenate([getattr(p, n) for p in parts]) for n in ("digests", "sizes", "signatures")))
    kept = Shingles(lambda indexes: shingles([texts[index] for index in indexes.tolist()], WIDTH))
    return clusters(signed, kept, threshold=THRESHOLD).tolist()


def theirs(texts: Sequence[str]) -> list[int]:
    """Cluster with datasketch: the components of its candidates, which it does not verify."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    cluster = list(range(len(texts)))
    for number, text in enumerate(texts):
        words = normalised(text)
        sketch = MinHash(num_perm=PERMUTATIONS)
        sketch.update_batch([" ".join(words[at : at + WIDTH]).encode() for at in range(len(words) - WIDTH + 1)])
        roots = {_root(cluster, other) for other in index.query(sketch)} | {number}
        for root in roots:
            cluster[root] = min(roots)
        index.insert(number, sketch)
    return [_root(cluster, number) for number in range(len(texts))]


def _root(cluster: list[int], number: int) -> int:
    while cluster[number] != number:
        number = cluster[number]
    return number


def true_pairs(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Find the pairs that reach the threshold, among texts that share one of their rarest shingles.

    Two sets of Jaccard similarity t share a shingle among the first (1 - t) |A| + 1 of any common order, so none is
    overlooked (prefix filtering: Chaudhuri, Ganti, Kaushik, ICDE 2006).
    """
    sets = shingles(texts, WIDTH)
    seen: dict[int, int] = {}
    for each in sets:
        for hashed in each.tolist():
            seen[hashed] = seen.get(hashed, 0) + 1
    holders: dict[int, list[int]] = {}
    for number, each in enumerate(sets):
        rarest = sorted(each.tolist(), key=lambda hashed: (seen[hashed], hashed))
        for hashed in rarest[: int((1 - THRESHOLD) * len(rarest)) + 1]:
            holders.setdefault(hashed, []).append(number)
    candidates = {pair for numbers in holders.values() for pair in combinations(numbers, 2)}
    return sorted(pair for pair in candidates if jaccard(sets[pair[0]], sets[pair[1]]) >= THRESHOLD)


def measure(name: str, count: int, seed: int) -> tuple[float, int, list[int]]:
    """Run one of the two and give its seconds, its growth of peak memory in MiB, and its clusters."""
    texts = generated(count, seed)
    run = {"chatmill": ours, "datasketch": theirs}[name]
    run(texts[:100])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    found = run(texts)
    seconds = time.perf_counter() - started
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, found


def main() -> None:
    """Measure what is installed and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    measured: dict[str, tuple[float, int, list[int]]] = {}
    for name in ("chatmill", "datasketch"):
        if name == "datasketch" and importlib.util.find_spec(name) is None:
            print("datasketch not installed")
            continue
        # Before this process grows: on Linux a child's peak starts at its parent's.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            measured[name] = pool.apply(measure, (name, given.conversations, given.seed))
    alike = true_pairs(generated(given.conversations, given.seed))
    print(f"{given.conversations:,} conversations, {len(alike):,} pairs at a Jaccard similarity of {THRESHOLD} or more")
    for name, (seconds, memory, found) in measured.items():
        recall = sum(found[one] == found[other] for one, other in alike) / max(1, len(alike))
        rate = given.conversations / seconds
        print(f"{name:12} {rate:9,.0f} conversations/s   recall {recall:.4f}   peak memory +{memory:,} MiB")
    if len(measured) > 1:
        print(f"ratio        {measured['datasketch'][0] / measured['chatmill'][0]:9.1f}")


if __name__ == "__main__":
    main()
