"""Tell what a writing system alone says about the language, which is often all there is to say.

Code points: the blocks of The Unicode Standard, chapter 2, figure 2-13 and the block list Blocks.txt.
"""

import re
from functools import cache

LATIN = "latin"
HAN = "han"
KANA = "kana"

# A letter of these says as much as a few of an alphabet, so one counts as three.
DENSE = frozenset({HAN, KANA, "hangul"})
DENSE_WEIGHT = 3
KANA_SHARE = 0.1  # Japanese is a third to a half kana; a Chinese text quotes one at most

RANGES = {
    LATIN: r"A-Za-z\xaa\xba\xc0-\xd6\xd8-\xf6\xf8-\u024f\u1e00-\u1eff",
    "greek": r"\u0370-\u03ff\u1f00-\u1fff",
    "cyrillic": r"\u0400-\u052f",
    "armenian": r"\u0531-\u058f",
    "hebrew": r"\u0590-\u05ff",
    "arabic": r"\u0620-\u064a\u066e-\u06d3\u06fa-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc",
    "ethiopic": r"\u1200-\u137f",
    "devanagari": r"\u0900-\u097f",
    "bengali": r"\u0980-\u09ff",
    "gurmukhi": r"\u0a00-\u0a7f",
    "gujarati": r"\u0a80-\u0aff",
    "oriya": r"\u0b00-\u0b7f",
    "tamil": r"\u0b80-\u0bff",
    "telugu": r"\u0c00-\u0c7f",
    "kannada": r"\u0c80-\u0cff",
    "malayalam": r"\u0d00-\u0d7f",
    "sinhala": r"\u0d80-\u0dff",
    "thai": r"\u0e00-\u0e7f",
    "lao": r"\u0e80-\u0eff",
    "tibetan": r"\u0f00-\u0fff",
    "burmese": r"\u1000-\u109f",
    "georgian": r"\u10a0-\u10ff",
    "khmer": r"\u1780-\u17ff",
    "hangul": r"\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3",
    KANA: r"\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f",
    HAN: r"\u3005\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff",
}

LANGUAGES: dict[str, tuple[str, ...]] = {
    LATIN: (
        *("af", "ca", "cs", "cy", "da", "de", "en", "es", "et", "fi", "fr", "hr", "hu", "id", "it", "lt", "lv"),
        *("nl", "no", "pl", "pt", "ro", "sk", "sl", "so", "sq", "sv", "sw", "tl", "tr", "vi"),
    ),
    "greek": ("el",),
    "cyrillic": ("ru", "uk", "bg", "mk"),
    "armenian": ("hy",),
    "hebrew": ("he",),
    "arabic": ("ar", "fa", "ur"),
    "ethiopic": ("am",),
    "devanagari": ("hi", "mr", "ne"),
    "bengali": ("bn",),
    "gurmukhi": ("pa",),
    "gujarati": ("gu",),
    "oriya": ("or",),
    "tamil": ("ta",),
    "telugu": ("te",),
    "kannada": ("kn",),
    "malayalam": ("ml",),
    "sinhala": ("si",),
    "thai": ("th",),
    "lao": ("lo",),
    "tibetan": ("bo",),
    "burmese": ("my",),
    "georgian": ("ka",),
    "khmer": ("km",),
    "hangul": ("ko",),
    KANA: ("ja",),
    HAN: ("zh",),
}

ALL_LATIN = re.compile(rf"[\x00-\xff{RANGES[LATIN]}\u2000-\u206f\u20a0-\u20bf]*")


@cache
def _letters_of(script: str) -> re.Pattern[str]:
    return re.compile(f"[{RANGES[script]}]+")


def weights(text: str) -> dict[str, int]:
    """Count the letters of each script in a text, dense scripts weighted, the heaviest first.

    Han characters of a text with enough kana count as kana, which stands for Japanese.
    """
    scripts = (LATIN,) if ALL_LATIN.fullmatch(text) else tuple(RANGES)
    counted = {script: sum(map(len, _letters_of(script).findall(text))) for script in scripts}
    kana, han = counted.get(KANA, 0), counted.get(HAN, 0)
    if kana and kana >= KANA_SHARE * (kana + han):
        counted[KANA], counted[HAN] = kana + han, 0
    weighted = {s: n * (DENSE_WEIGHT if s in DENSE else 1) for s, n in counted.items() if n}
    return dict(sorted(weighted.items(), key=lambda item: (-item[1], item[0])))


def only(text: str, script: str) -> str:
    """Keep the letters of one script, everything else becoming spaces."""
    return " ".join(_letters_of(script).findall(text))
