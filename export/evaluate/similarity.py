"""How like two texts are, by libraries of the extra `evaluate`: chrF (sacrebleu) and ROUGE-L (rapidfuzz)."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from typing import Any

from export.evaluate.errors import NotInstalled

WORD = re.compile(r"\w+")


def chrf(text: str, reference: str) -> float:
    """Give the chrF score from 0 to 1: how many runs of up to 6 characters two texts share, F of beta 2.

    Source: M. Popović, "chrF: character n-gram F-score for automatic MT evaluation" (WMT 2015).
    """
    return float(_chrf().sentence_score(text, [reference]).score) / 100


def rouge_l(text: str, reference: str) -> float:
    """Give the ROUGE-L F score from 0 to 1: the longest sequence of words that two texts have in common.

    Words are those of any script, without capitals. Source: C.-Y. Lin, "ROUGE: a package for automatic evaluation of
    summaries" (ACL workshop 2004), section 3.1, precision and recall weighing the same; equal to rouge-score's.
    """
    words, wanted = WORD.findall(text.casefold()), WORD.findall(reference.casefold())
    if not words or not wanted:
        return 0.0
    common = needed("rapidfuzz.distance").LCSseq.similarity(words, wanted)
    return 2 * float(common) / (len(words) + len(wanted))


def check_installed() -> None:
    """See that every library of the extra is there, before anything is asked and paid for.

    Raises:
        NotInstalled: one is missing.
    """
    for module in ("sacrebleu", "rapidfuzz", "jsonschema_rs"):
        needed(module)


def needed(module: str) -> Any:  # noqa: ANN401 - a library without types
    """Import a library of the extra `evaluate`.

    Raises:
        NotInstalled: it is not there.
    """
    try:
        return import_module(module)
    except ImportError:
        name = module.split(".", 1)[0]
        raise NotInstalled(f"{name} is not installed.", hint="Run: pip install 'chatmill[evaluate]'") from None


@cache
def _chrf() -> Any:  # noqa: ANN401 - a library without types
    return needed("sacrebleu.metrics").CHRF()
