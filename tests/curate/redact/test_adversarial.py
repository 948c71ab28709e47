"""Ten thousand random and adversarial texts through the whole of redaction: nothing breaks, nothing of it survives.

Every class of texts is drawn from a seed of its own, so that a failure names the class and the text's number.
"""

import json
import random
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from curate.redact.engine import engine_for
from curate.redact.filter import redact_stream
from curate.redact.policy import load_policy
from curate.redact.scanning import Scanner
from curate.redact.spans import Failure, Finding
from curate.redact.view import View
from store.settings import RedactionSettings
from store.workers import Workers

OF_EACH = 1000
SHORTEST = 4
LONGEST_TURN = 200_000
POLICY = load_policy()
SPEC = POLICY.spec(("en",), RedactionSettings())
PLACEHOLDER = re.compile(r"<[A-Z][A-Z0-9_]*_\d+>")

VALUES = (
    "maria.gonzales@example.com", "(212) 555-0143", "+44 7700 900123", "4242 4242 4242 4242", "5555555555554444",
    "DE89 3704 0044 0532 0130 00", "457-55-5462", "my name is Tuğçe Çelikbaş", "I'm o'shaughn", "order ORD-482913-X",
    "password: Hunter#2", "12 Marlowe Street", "192.0.2.17", "the code is 482910", "account number 84318931",
    "pin 4821", "claim number CLM482910", "sk-aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1x", "550e8400-e29b-41d4-a716-446655440000",
)  # fmt: skip
WORDS = (
    "hello",
    "refund",
    "the",
    "parcel",
    "please",
    "thanks,",
    "it's",
    "not",
    "here.",
    "ok?",
    "\n",
    "!!",
    "$49.99",
    "v2.1",
)
EMOJI = ("😀", "👩‍👩‍👧", "🇩🇪", "👍🏽", "❤️", "🤷‍♀️", "🫠", "1️⃣", "✅")
HEBREW_ARABIC = (
    "שלום",
    "תודה",
    "مرحبا",
    "طلبي",
    "رقم",
    "ועוד",
    "\u200f",
    "\u202b",
    "\u202c",
    "\u2067",
    "\u2069",
    "٤٢",
    "۹۸",
)
SCRIPTS = (
    "привет",
    "заказ",
    "γειά",
    "注文",
    "订单",
    "이름",
    "ชื่อ",
    "नमस्ते",
    "ß",
    "İ",
    "ŉ",
    "ﬁ",
    "e\u0301",
    "Å",
    "ǆ",
    "ｍａｉｌ",
)
ASTRAL = ("𝒜", "🂡", "𐍈", "𝟘", "𠜎", "🧿", "\U000e0041", "𝕸𝖆𝖗𝖎𝖆")
INVISIBLE = ("\u200b", "\u200d", "\u200c", "\u2060", "\ufeff", "\u00ad", "\u180e")
HOSTILE = (
    "<PERSON_1>",
    "<EMAIL_2>",
    "<",
    ">",
    "\\",
    '"',
    "\x00",
    "\x1b[31m",
    "\x85",
    "\u2028",
    "{value}",
    "%s",
    "&lt;",
    "\\d+",
)

Draw = Callable[[random.Random], str]


def words(rng: random.Random, *more: str, most: int = 8) -> list[str]:
    return [rng.choice(WORDS + more) for _ in range(rng.randint(0, most))]


def spoken(rng: random.Random, *more: str) -> str:
    """A value between words, with or without blanks."""
    return rng.choice((" ", " ", "")).join((*words(rng, *more), rng.choice(VALUES), *words(rng, *more)))


def emoji_only(rng: random.Random) -> str:
    return "".join(rng.choice(EMOJI) for _ in range(rng.randint(0, 40)))


def right_to_left(rng: random.Random) -> str:
    return spoken(rng, *HEBREW_ARABIC, *HEBREW_ARABIC)


def mixed_scripts(rng: random.Random) -> str:
    return spoken(rng, *SCRIPTS, *SCRIPTS)


def invisible_inside_numbers(rng: random.Random) -> str:
    inside = "".join(c + (rng.choice(INVISIBLE) if rng.random() < 0.3 else "") for c in rng.choice(VALUES))
    return " ".join((*words(rng), inside, *words(rng)))


def full_width(rng: random.Random) -> str:
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" and rng.random() < 0.8 else c for c in rng.choice(VALUES))
    return " ".join((*words(rng), wide, *words(rng)))


def other_digits(rng: random.Random) -> str:
    zero = rng.choice((0x660, 0x6F0, 0x966, 0x1D7D8, 0x1FBF0))
    changed = "".join(chr(zero + int(c)) if c in "0123456789" else c for c in rng.choice(VALUES))
    return " ".join((*words(rng), changed, *words(rng)))


def astral_before(rng: random.Random) -> str:
    return "".join(rng.choice(ASTRAL) for _ in range(rng.randint(1, 20))) + spoken(rng, *ASTRAL)


def touching_and_nesting(rng: random.Random) -> str:
    join = rng.choice(("", "/", "-", ":", "@", ".", ","))
    return join.join(rng.choice(VALUES) for _ in range(rng.randint(2, 5)))


def hostile(rng: random.Random) -> str:
    return spoken(rng, *HOSTILE, *HOSTILE)


def noise(rng: random.Random) -> str:
    alphabet = "0123456789 -.@()+/:#abcXYZ,'\u00e9\u0130\ufb01\u200d"
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(0, 80)))


CLASSES: dict[str, Draw] = {
    draw.__name__: draw
    for draw in (
        emoji_only, right_to_left, mixed_scripts, invisible_inside_numbers, full_width, other_digits, astral_before,
        touching_and_nesting, hostile, noise,
    )
}  # fmt: skip


def texts_of(name: str, count: int = OF_EACH) -> list[str]:
    rng = random.Random(f"adversarial {name}")
    return [CLASSES[name](rng) for _ in range(count)]


def outside(text: str, spans: list[tuple[int, int]]) -> Iterator[str]:
    """What stands before, between and behind the spans."""
    done = 0
    for start, end in spans:
        yield text[done:start]
        done = end
    yield text[done:]


def survives(value: str, redacted: str) -> bool:
    """Look for a value as a whole in a redacted text; written without any of the code under test."""
    bare = PLACEHOLDER.sub("\x01", redacted)
    left = r"(?<!\w)" if value[0].isalnum() else ""
    right = r"(?!\w)" if value[-1].isalnum() else ""
    return len(value) >= SHORTEST and re.search(left + re.escape(value) + right, bare) is not None


def check(text: str, answer: dict[str, object]) -> bool:
    """Check one answer against its text; False where it was set aside."""
    if "error" in answer:
        assert text not in str(answer["error"]) or not text.strip()
        return False
    redacted, findings = answer["text"], answer["findings"]
    assert isinstance(redacted, str)
    assert isinstance(findings, list)
    spans = [(one["start"], one["end"]) for one in findings]
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    pattern = PLACEHOLDER.pattern.join(map(re.escape, outside(text, spans)))
    assert re.fullmatch(pattern, redacted, re.DOTALL), "what stands outside the spans changed"
    assert not [one["entity_type"] for one in findings if survives(text[one["start"] : one["end"]], redacted)]
    return True


@pytest.mark.parametrize("name", CLASSES)
def test_nothing_breaks_and_no_redacted_value_survives(name: str) -> None:
    texts = texts_of(name)
    answers = list(redact_stream(json.dumps({"id": at, "text": text}) for at, text in enumerate(texts)))
    assert [answer["id"] for answer in answers] == list(range(OF_EACH))
    wrong = []
    redacted = 0
    for at, (text, answer) in enumerate(zip(texts, answers, strict=True)):
        try:
            redacted += check(text, answer)
        except AssertionError as error:
            wrong.append((at, text, str(error)))
    assert not wrong, f"{len(wrong)} of {OF_EACH}: {wrong[:3]}"
    assert redacted > 0.9 * OF_EACH


@pytest.mark.parametrize("name", CLASSES)
def test_a_text_has_the_same_findings_alone_and_in_a_batch(name: str) -> None:
    texts = texts_of(name, 150)
    with Workers(1) as pool:
        together = Scanner(SPEC, pool).scan(("en", text) for text in [*texts, *reversed(texts)])
    engine = engine_for(SPEC)
    for text in texts:
        assert engine.scan([text], "en") == [together["en", text]]


def test_values_over_several_turns_do_not_survive_in_any_of_them() -> None:
    rng = random.Random("several turns")
    conversations = [[rng.choice(list(CLASSES.values()))(rng) for _ in range(rng.randint(0, 5))] for _ in range(400)]
    lines = (json.dumps({"turns": [{"role": "customer", "text": text} for text in turns]}) for turns in conversations)
    for turns, answer in zip(conversations, redact_stream(lines), strict=True):
        if "error" in answer:
            continue
        whole = "\n".join(turn["text"] for turn in answer["turns"])
        for one in answer["findings"]:
            value = turns[one["turn"]][one["start"] : one["end"]]
            assert not survives(value, whole), (one["entity_type"], turns)


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "1",
        "1 ",
        "a@",
        "😀",
        "\u200d",
        "4242 4242 4242 4242 ",
        "maria@example.com ",
        "(",
        "my name is ",
        "\n",
        "<PERSON_1>",
    ],
)
def test_very_long_turns_come_to_an_end_and_hide_nothing(piece: str) -> None:
    """Turns of 200,000 characters, with a value across a border of the windows they are searched in."""
    value = " maria.gonzales@example.com "
    filler = piece * (LONGEST_TURN // len(piece))
    text = filler[:19_990] + value + filler[: LONGEST_TURN - 19_990 - len(value)]
    (answer,) = redact_stream([json.dumps({"text": text})])
    if "error" not in answer:
        assert "maria.gonzales" not in answer["text"]
        assert any(text[one["start"] : one["end"]] in value for one in answer["findings"])


def test_empty_turns_pass_as_they_are() -> None:
    turns = [{"role": "customer", "text": text} for text in ("", " ", "\n", "\u200b", "")]
    (answer,) = redact_stream([json.dumps({"turns": turns})])
    assert answer == {"turns": turns, "findings": []}


def test_what_stands_outside_the_basic_plane_shifts_no_offset() -> None:
    text = "🧿𝒜🂡 write to maria@example.com"
    (answer,) = redact_stream([json.dumps({"text": text})])
    assert [text[one["start"] : one["end"]] for one in answer["findings"]] == ["maria@example.com"]


def test_values_are_found_behind_invisible_characters_and_wide_digits() -> None:
    for name in ("invisible_inside_numbers", "full_width", "other_digits"):
        answers = list(redact_stream(json.dumps({"text": text}) for text in texts_of(name)))
        assert sum(bool(answer.get("findings")) for answer in answers) > 0.8 * OF_EACH, name


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("call 0\u200d7\u200b700 900123", "call 07700 900123"),
        ("ｍａｒｉａ＠example.com", "maria@example.com"),
        ("٤٢42", "4242"),
        ("\u202a+44 7700 900123\u202c", "\u202a+44 7700 900123\u202c"),
        ("עזרה\u200fmaria@example.com", "עזרה\u200fmaria@example.com"),
        ("plain é 😀", "plain é 😀"),
    ],
)
def test_a_view_shows_what_people_see(text: str, seen: str) -> None:
    view = View.of(text)
    assert view.text == seen
    for start in range(len(seen)):
        back = view.back(Finding(start, len(seen), "X", 1.0, "r"))
        assert View.of(text[back.start : back.end]).text == seen[start:]


GROWTH = textwrap.dedent("""
    from curate.redact.engine import ScanTask, scan_task
    from curate.redact.policy import load_policy
    from store.settings import RedactionSettings

    def resident():
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    spec = load_policy().spec(("en",), RedactionSettings())
    marks = []
    for first in range(0, 50_000, 1_000):
        numbers = range(first, first + 1000)
        # Only where an address stands is a text read word by word; every tenth keeps the test short.
        texts = tuple(f"zebra{n} wants parcel" + f" by mail{n}@example.com" * (n % 10 == 0) for n in numbers)
        results = scan_task(ScanTask(spec, "en", texts))
        assert sum(map(bool, results)) == 100
        marks.append(resident())
    print(marks[9], marks[-1])
""")


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_does_not_grow_with_new_words() -> None:
    """A vocabulary that takes in every new word would grow with every text, as Presidio's is known to."""
    done = subprocess.run([sys.executable, "-c", GROWTH], capture_output=True, text=True, check=True)
    after_10k, after_50k = map(int, done.stdout.split())
    assert after_50k - after_10k < 20_000, f"{after_10k} kB after 10,000 texts, {after_50k} kB after 50,000"


def test_a_failure_names_no_text() -> None:
    (result,) = engine_for(SPEC).scan(["maria@example.com"], "xx")
    assert isinstance(result, Failure)
    assert "maria" not in result.detail
