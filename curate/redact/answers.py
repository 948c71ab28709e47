"""Take the part of an answer that has the shape of what was asked for, and nothing of "yes" or "why do you need it"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from curate.redact.known import plain_text
from curate.redact.names import PARTICLES, TITLES, is_common
from curate.redact.rules import word_list

Span = tuple[int, int]

ANSWER_WORDS = "allow/answer_words"
NAMES = frozenset({"PERSON", "LOCATION", "SECURITY_ANSWER"})
WORDED = NAMES | {"USERNAME", "PASSWORD", "EMAIL_ADDRESS", "ADDRESS"}  # answered in words, and so never in bare digits
LONGEST_ANSWER = 600
MOST_NAME_WORDS = 4
SHORT_CLAUSE = 7  # words; in a longer one a name must be written with a capital
SHORT_SECRET = 3
SHORT_TURN = 5
LONG_WORD = 6
ENDINGS = ("ing", "ed", "ly", "tion", "ness", "ful", "ment", "able", "less", "ous", "ive", "ity", "est")
FIRST_NAMES = "allow/first_names_too"
REPLIES = "allow/replies"
TELLING = re.compile("names?|name['’]s|is|its|it['’]s|im|i['’]m|am|was|called|named|under|this")
SURNAMES = "allow/surnames_too"

CLAUSE: Final = re.compile(r"(?:[^,.;!?\n()\"]|(?<=\b(?:mr|ms|dr))\.|(?<=\bmrs)\.|(?<=\b\w)\.(?=\w))+[?]?")
JOINT: Final = re.compile(r"\b(?:and|but|und|aber|y|et|ed|mais|en)\b")
WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)*")
SPELLED: Final = re.compile(r"(?<!\w)[^\W\d_](?:[ .\-,]{1,2}[^\W\d_]){2,}(?!\w)")
ASKING_BACK: Final = re.compile(
    r"\s*(?:why|what|how|when|where|which|who|do|does|did|can|could|would|is|are|should|warum|wieso|was|wie|wo"
    r"|por que|que"
    r"|como|pourquoi|comment|perche|cosa|waarom|hoe|wat)\b"
)
REFUSAL: Final = re.compile(
    r"\b(?:don'?t|do not|dont|can'?t|cannot|cant|won'?t|will not|didn'?t|haven'?t|not sure|no idea|forgot"
    r"|forgotten|lost"
    r"|weiß nicht|weiss nicht|no (?:lo )?se|no tengo|sais pas|non (?:lo )?so|nao sei|weet (?:het )?niet|rather not)\b"
)
NUMBER_WORD = r"(?:zero|oh|one|two|three|four|five|six|seven|eight|nine)"
SPOKEN: Final = re.compile(rf"\b{NUMBER_WORD}(?:[ ,\-]+(?:{NUMBER_WORD}|\d{{1,4}}))+\b")
CODE: Final = re.compile(
    r"(?<![\w$€£.'’])(?<!\d,)(?:"
    r"[a-z]{1,5}[ \-_/]?\d+(?:[ \-_/]?(?!or|at|in|on|to|is|of|by|am|pm|no|my|it|st|nd|rd"
    r"|th)[a-z]{0,2}[ \-_/]?\d+)*(?:[a-z]{1,2}|[ \-_][b-hj-z])?(?![a-z])"
    r"|\+?\(?\d+\)?(?:[ \-_./()]{0,2}\d+)*(?:[ \-_]?(?!or|at|in|on|to|is|of|by|am|pm|no|my|it|st|nd|rd"
    r"|th)[a-z]{1,2}[ \-_]?\d+)*(?:[a-z]{1,3}|[ \-_][b-hj-z])?(?![a-z])"
    r"|(?=[a-z0-9\-]*\d)[a-z0-9]{4,}(?:[\-_][a-z0-9]+)*"
    r")(?![\w%$€£]|[.,]\d)"
)
COUNTED: Final = re.compile(
    r" ?(?:dollars?|usd|eur|euros?|gbp|pounds?|rupees|rs|inr|cents|bucks|[ap]\.?m|o'?clock|people|persons?"
    r"|guests?|days?|weeks?"
    r"|months?|years?|hours?|minutes?|mins?|times|gb|mb|tb|items?|pieces|pcs|miles|km|percent|st|nd|rd|th)\b"
)
LETTERS: Final = re.compile(r"(?<![\w\-])[A-Z]{5,8}(?![\w\-])")
YEAR: Final = re.compile(r"(?:19|20)\d\d")
MONTH = (
    r"(?:jan|feb|mar|marz|apr|may|mai|jun|jul|aug|sep|sept|oct|okt|nov|dec|dez|ene|abr|ago|dic|fev|fevr|avr|juin"
    r"|juil|aout"
    r"|gen|mag|giu|lug|set|ott|out|mei|mrt|maart|maio|enero|mayo)[a-z]*\.?"
)
DATE: Final = re.compile(
    rf"(?<!\w)(?:\d{{1,4}}[./\- ]+\d{{1,2}}[./\- ]+\d{{2,4}}|\d{{1,2}}(?:st|nd|rd|th|\.)?(?: of| de)? {MONTH}"
    rf"(?:,? (?:de |of )?'?\d{{2,4}})?|{MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?:,? (?:of )?'?\d{{2,4}})?|\d{{6,8}}"
    rf"|\d{{1,2}}[/.\-]\d{{1,2}}|{MONTH} \d{{4}}|(?:19|20)\d\d)(?!\w)"
)
MAIL: Final = re.compile(
    r"(?<!\S)(?:[\w.+\-]+ ?(?:@|\(at\)|\bat\b|\barroba\b) ?[\w\-]+(?: ?(?:\.|\bdot\b|\bpunkt\b|\bpunto\b"
    r"|\bpoint\b) ?\w+)*"
    r"|[\w.+\-]+(?: \d{1,6})? ?\w*(?:mail|yahoo|outlook|hotmail|icloud|aol|gmx|live|proton)\w*(?: ?(?:\."
    r"|dot) ?\w{2,4})?)(?!\w)"
)
POSTCODE: Final = re.compile(
    r"(?<!\w)(?:\d{5}(?:-\d{4})?|\d{3} ?\d{2,3}|\d{4} ?[a-z]{2}|\d{4,10}|[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}"
    r"|[a-z]\d[a-z] ?\d[a-z]\d"
    r"|\d{2}-\d{3}|\d{5}-\d{3})(?!\w)"
)
LABEL: Final = re.compile(r"([a-z]+)[ \-_/]+")
LEAD: Final = re.compile(
    r"\s*(?:(?:yes|yeah|yep|sure|ok|okay|of course|certainly|absolutely|alright|well|oh|hi|hello|please|thanks"
    r"|thank you|it is"
    r"|it'?s|it’s|its|it was|that is|that'?s|that would be|thats|my [a-z \-]{1,24}? (?:is|was|:)"
    r"|the [a-z \-]{1,24}? (?:is|was)|i live"
    r"(?: in| at| on)?|i'?m (?:in|at|from)|address(?: is)?|ship(?: it)? to|send it to|deliver(?: it)? to|ja|si"
    r"|oui|ich wohne in|e|es|ist"
    r"|meine [a-z\-]+ (?:ist|lautet)|mein [a-z\-]+ (?:ist|lautet)|mi [a-z]+ es|mon [a-z]+ est|ma [a-z]+ est"
    r"|username|user id|password"
    r"|passwort)\b[ ,.:;!\-]*)*"
)
SECRET_WORD: Final = re.compile(r"[^\s,;]*[^\s,;.!?](?:(?<=\d)!+)?")
FEWEST_DIGITS = {
    "PIN": 3,
    "US_SSN": 2,
    "CARD_SECURITY_CODE": 3,
    "CARD_NUMBER": 3,
    "ONE_TIME_CODE": 3,
    "PHONE_NUMBER": 4,
}
MOST_DIGITS = {"PIN": 8, "CARD_SECURITY_CODE": 4, "ONE_TIME_CODE": 10, "US_SSN": 9, "POSTCODE": 10}
LETTERS_ALONE = frozenset({"BOOKING_ID", "ORDER_ID", "TICKET_ID", "TRACKING_ID", "LICENCE_PLATE", "ONE_TIME_CODE"})


@dataclass(frozen=True, slots=True)
class Answer:
    """The part of an answer that was asked for; `sure` where the answer is little else."""

    start: int
    end: int
    entity_type: str
    sure: bool


def answers(text: str, types: tuple[str, ...]) -> list[Answer]:
    """Give what in an answer was asked for; parts that several types could claim go to the first of them."""
    text = text[:LONGEST_ANSWER].replace(" - ", " , ")  # as long, and a clause's end
    plain = plain_text(text)
    taken: list[Answer] = []
    numeric = [kind for kind in types if kind not in TAKERS]
    for kind in types:
        spans = TAKERS[kind](text, plain) if kind in TAKERS else ()
        for start, end in spans:
            _take(taken, Answer(start, end, kind, sure=_little_else(plain, start, end)))
    for start, end in _numbers(text, plain) if numeric else ():
        kind = _number_type(plain[start:end], numeric, [one.entity_type for one in taken])
        if kind:
            _take(taken, Answer(start, end, kind, sure=_little_else(plain, start, end)))
    return sorted(taken, key=lambda one: one.start)


def only_digits(text: str) -> bool:
    """Say whether a turn is nothing but digits, as when a number is given in several turns."""
    return re.fullmatch(r"[\s\d.\-]*\d[\s\d.\-]*", text) is not None


def is_word(word: str) -> bool:
    """Say whether a word is one of those that answers are made of, and hence no value by itself."""
    plain = word.replace("’", "'").removesuffix("'s")
    return is_common(word) or plain in word_list(ANSWER_WORDS) or plain.replace("'", "") in word_list(ANSWER_WORDS)


def _take(taken: list[Answer], answer: Answer) -> None:
    if not any(one.start < answer.end and answer.start < one.end for one in taken):
        taken.append(answer)


def _little_else(plain: str, start: int, end: int) -> bool:
    return len(WORD.findall(plain[:start])) + len(WORD.findall(plain[end:])) <= SHORT_CLAUSE


def _clauses(plain: str) -> Iterator[Span]:
    """Give the parts of an answer between commas, points and "and", without those that ask back or refuse."""
    for clause in CLAUSE.finditer(plain):
        start = clause.start()
        if clause[0].endswith("?") or ASKING_BACK.match(clause[0]) or REFUSAL.search(clause[0]):
            continue
        for joint in JOINT.finditer(plain, clause.start(), clause.end()):
            yield start, joint.start()
            start = joint.end()
        yield start, clause.end()


def _names(text: str, plain: str) -> Iterator[Span]:
    """Give the words that are no common ones, of the first clause that has them; spelled letters too."""
    if spelled := SPELLED.search(plain):
        yield spelled.span()
    for start, end in _clauses(plain):
        words = list(WORD.finditer(plain, start, end))
        if span := _name(text, words):
            yield span


def _name(text: str, words: list[re.Match[str]]) -> Span | None:
    """Give the first run of words that can be a name; in a long clause it must have capitals, after its beginning."""
    run: list[re.Match[str]] = []
    for word in words:
        plain = word[0]
        if _namelike(plain) or (
            run and (plain in PARTICLES or (plain in word_list(SURNAMES) and len(words) <= SHORT_CLAUSE))
        ):
            run.append(word)
        elif run:
            break
    while run and run[-1][0] in PARTICLES:
        run.pop()
    if not run or len(run) > MOST_NAME_WORDS or sum(map(len, (word[0] for word in run))) < 2:
        return None
    if not _stands_as_name(text, words, run):
        return None
    end = run[-1].end()
    genitive = text[end - 2 : end].lower() in {"'s", "’s"}
    return run[0].start(), end - 2 * genitive


def _stands_as_name(text: str, words: list[re.Match[str]], run: list[re.Match[str]]) -> bool:
    """Say whether words stand as an answer does: alone, after "it is" or "name", or with capitals inside a sentence."""
    first = words.index(run[0])
    if all(text[word.start()].isupper() for word in run):
        return first > 0 or len(words) <= SHORT_CLAUSE
    if any(word[0].endswith(ENDINGS) and len(word[0]) >= LONG_WORD for word in run):
        return False
    told = first > 0 and TELLING.fullmatch(words[first - 1][0]) is not None and words[-1] is run[-1]
    return told or len(WORD.findall(text)) <= SHORT_TURN


def _namelike(word: str) -> bool:
    letters = word.replace("'", "").replace("’", "")
    return letters.isalpha() and word not in TITLES and not is_word(word)


def _first_names(text: str, plain: str) -> Iterator[Span]:
    """Give the first name in an answer: what follows it is about something else."""
    found = list(_names(text, plain))
    words = list(WORD.finditer(plain))
    if not found and words and len(words) <= SHORT_SECRET and words[-1][0] in word_list(FIRST_NAMES):
        found = [words[-1].span()]
    yield from found[:1]


def _numbers(text: str, plain: str) -> Iterator[Span]:
    for found in SPOKEN.finditer(plain):
        yield found.span()
    dashed = text.lower() if len(text.lower()) == len(plain) else plain
    for found in CODE.finditer(dashed):
        start, end = found.span()
        while (label := LABEL.match(dashed[start:end])) and is_word(label[1]):
            start += label.end()
        while end > start and not dashed[end - 1].isalnum():
            end -= 1
        if any(character.isdigit() for character in dashed[start:end]) and not COUNTED.match(dashed, end):
            yield start, end
    for found in LETTERS.finditer(text):
        yield found.span()


def _number_type(value: str, types: list[str], done: list[str]) -> str:
    """Give the type a number answers: the first whose length fits, one that nothing answers yet before the others."""
    digits = sum(character.isdigit() for character in value) or len(re.findall(NUMBER_WORD, value))
    letters = not any(character.isdigit() for character in value) and not re.search(r"[ ,]", value)
    if letters:
        return next((kind for kind in types if kind in LETTERS_ALONE and not is_word(value)), "")
    mixed = any(character.isalpha() for character in value)
    fits = [
        kind
        for kind in types
        if FEWEST_DIGITS.get(kind, 2 if mixed else 3) <= digits <= MOST_DIGITS.get(kind, 24)
        and not (len(types) > 1 and kind == "PIN" and digits > 4 and "ACCOUNT_NUMBER" in types)
    ]
    return next((kind for kind in fits if kind not in done), fits[0] if fits else "")


def _dates(text: str, plain: str) -> Iterator[Span]:
    dashed = text.lower() if len(text.lower()) == len(plain) else plain
    for found in DATE.finditer(dashed):
        yield found.span()


def _mails(text: str, plain: str) -> Iterator[Span]:
    dashed = text.lower() if len(text.lower()) == len(plain) else plain
    for found in MAIL.finditer(dashed):
        yield found.span()


def _postcodes(text: str, plain: str) -> Iterator[Span]:
    dashed = text.lower() if len(text.lower()) == len(plain) else plain
    for found in POSTCODE.finditer(dashed):
        yield found.span()


def _address(text: str, plain: str) -> Iterator[Span]:
    """Give the rest of the answer where it can be an address: half of it or more are no common words."""
    lead = LEAD.match(plain)
    start = lead.end() if lead else 0
    end = len(text.rstrip(" .!\n"))
    stop = re.search(r"[?!\n]|\. (?=[a-z])", plain[start:end])
    end = start + stop.start() if stop else end
    if start >= end or ASKING_BACK.match(plain, start) or REFUSAL.search(plain):
        return
    words = [word[0] for word in WORD.finditer(plain, start, end)]
    odd = sum(not is_word(word) for word in words)
    if len(words) <= 18 and odd and odd * 2 >= len(words):
        yield start, end


def _secrets(text: str, plain: str) -> Iterator[Span]:
    """Give the token of a user name or password: the one with digits or signs, or the whole of a short answer."""
    lead = LEAD.match(plain)
    start = lead.end() if lead else 0
    if ASKING_BACK.match(plain, start) or REFUSAL.search(plain):
        return
    tokens = [token for token in SECRET_WORD.finditer(text, start) if token.end() > token.start()]
    odd = [token for token in tokens if not is_word(plain[token.start() : token.end()])]
    if not odd:
        return
    if len(tokens) <= SHORT_SECRET:
        yield odd[0].start(), odd[-1].end()
        return
    marked = [token for token in odd if re.search(r"[\d_@!#$%&*]|[a-z][A-Z]", token[0])]
    if marked:
        yield marked[0].start(), marked[-1].end()


def _security(text: str, plain: str) -> Iterator[Span]:
    """Give what answers a security question: names, or a word of any kind that stands alone."""
    words = list(WORD.finditer(plain))
    found = list(_names(text, plain))[:2]
    if not found and 0 < len(words) <= SHORT_SECRET and not REFUSAL.search(plain) and not plain.rstrip().endswith("?"):
        found = [word.span() for word in words[-1:] if word[0] not in word_list(REPLIES)]
    yield from found


TAKERS = {
    "PERSON": _first_names,
    "LOCATION": _names,
    "SECURITY_ANSWER": _security,
    "USERNAME": _secrets,
    "PASSWORD": _secrets,
    "ADDRESS": _address,
    "EMAIL_ADDRESS": _mails,
    "DATE_OF_BIRTH": _dates,
    "POSTCODE": _postcodes,
}
