"""Measure the packaged name model on texts held out of training: `python -m benchmarks.name_model.measure`.

By language: synthetic turns of another seed, and every fourth text of germeval, which is real German. By letter case:
tweets (the dev parts of btc and wnut17, handles joined) as they are, in lower case, in capitals, and With Each Word
So. A word counts as a name when its most probable label is one; recall and precision are of that label.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from benchmarks.name_model.data import SEED, SHARED, closed_up, german, labelled, rows
from benchmarks.name_model.turns import LANGUAGES, Labelled, synthetic_in
from curate.redact.name_model import LABELS
from curate.redact.name_model.inference import name_model

EACH = 600  # synthetic turns of each language
AT_ONCE = 500
CASES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "lower": str.lower,
    "upper": str.upper,
    "title": str.title,
}


def tweets() -> Iterator[Labelled]:
    """Give the tweets that were never trained on."""
    for name in ("btc_train_dev", "wnut17_train_dev"):
        for row in rows(SHARED / f"pii/{name}.jsonl.gz"):
            if row["split"] == "dev":
                yield closed_up(labelled(row))


def counted(turns: Iterable[Labelled], case: Callable[[str], str] = str) -> Counter[tuple[str, str]]:
    """Count words by label and by what became of them: true, told, hit."""
    counts = Counter[tuple[str, str]]()
    kept = [turn for turn in turns if turn]
    for at in range(0, len(kept), AT_ONCE):
        page = kept[at : at + AT_ONCE]
        texts = [_cased("".join(character for character, _ in turn), case) for turn in page]
        for turn, words in zip(page, name_model().all_words(texts), strict=True):
            for word, _ in words:
                right, told = turn[word.start][1], LABELS[int(word.scores.argmax())]
                counts[right, "true"] += 1
                counts[told, "told"] += 1
                counts[right, "hit"] += right == told
    return counts


def _cased(text: str, case: Callable[[str], str]) -> str:
    """Change the letter case, but for characters that would become two."""
    return "".join(new if len(new) == 1 else old for old, new in zip(text, _each(text, case), strict=True))


def _each(text: str, case: Callable[[str], str]) -> Iterator[str]:
    if case is not str.title:
        yield from (case(character) for character in text)
        return
    for before, character in zip(f" {text}", text, strict=False):
        yield character.lower() if before.isalpha() else character.upper()


def show(name: str, counts: Counter[tuple[str, str]]) -> None:
    """Print recall and precision of each label."""
    cells: list[str] = []
    for label in LABELS[1:]:
        true, told, hit = (counts[label, what] for what in ("true", "told", "hit"))
        cells.append(f"{label} {hit / true:.3f} {hit / told:.3f} ({true:,})" if true and told else f"{label} -")
    print(f"{name:<18}" + "  ".join(cells))


def main() -> None:
    """Print the tables of the model card."""
    for language in LANGUAGES:
        show(f"synthetic {language}", counted(synthetic_in(language, EACH, SEED + 2)))
    show("germeval", counted(closed_up(turn) for turn in german()))
    for case, change in CASES.items():
        show(f"tweets, {case}", counted(tweets(), change))


if __name__ == "__main__":
    main()
