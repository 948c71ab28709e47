"""Spread texts over workers: each distinct one once, in batches, with a memory of what support repeats."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from curate.redact.engine import EngineSpec, Scanned, ScanTask, scan_task
from store.workers import Workers

BATCH_TEXTS = 500
BATCH_CHARACTERS = 400_000
REMEMBERED = 100_000
LONGEST_REMEMBERED = 300


class Scanner:
    """Scan texts in the worker processes; short ones are remembered, for canned replies come again and again."""

    def __init__(self, spec: EngineSpec, workers: Workers) -> None:
        self.spec = spec
        self._workers = workers
        self._memory: dict[tuple[str, str], Scanned] = {}

    def scan(self, texts: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Scanned]:
        """Give the findings, or the failure, of every distinct (language, text)."""
        wanted = dict.fromkeys(texts)
        found = {pair: self._memory[pair] for pair in wanted if pair in self._memory}
        tasks = self._tasks([pair for pair in wanted if pair not in found])
        for task, results in zip(tasks, self._workers.map(scan_task, tasks), strict=True):
            for text, result in zip(task.texts, results, strict=True):
                found[task.language, text] = result
        self._remember(found)
        return found

    def _tasks(self, pairs: list[tuple[str, str]]) -> list[ScanTask]:
        by_language: dict[str, list[str]] = defaultdict(list)
        for language, text in pairs:
            by_language[language].append(text)
        return [
            ScanTask(self.spec, language, batch)
            for language, texts in by_language.items()
            for batch in _batches(sorted(texts, key=len))
        ]

    def _remember(self, found: dict[tuple[str, str], Scanned]) -> None:
        if len(self._memory) > REMEMBERED:
            self._memory.clear()
        self._memory.update((pair, result) for pair, result in found.items() if len(pair[1]) <= LONGEST_REMEMBERED)


def _batches(texts: list[str]) -> list[tuple[str, ...]]:
    batches: list[tuple[str, ...]] = []
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and (len(batch) == BATCH_TEXTS or size + len(text) > BATCH_CHARACTERS):
            batches.append(tuple(batch))
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    return [*batches, tuple(batch)] if batch else batches
