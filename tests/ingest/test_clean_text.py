import unicodedata

import pytest
from ftfy.badness import is_bad
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.clean.pipeline import clean
from ingest.clean.text import MAY_BE_BROKEN, tidy

PIECES = (
    "\u200b\u200c\u200d\ufeff\u202e\u00a0\u202f\u2028\u0085\r\n\t \x00\x1b\ud83d\ude00\ud800\u0301"
    "Ã©â€™\x80\x99क्षमی👩👧🏽>-:"
)
AWKWARD = st.text(st.one_of(st.characters(), st.sampled_from(PIECES)), max_size=60)


@given(AWKWARD, st.sampled_from(["text", "mail", "html", "html_mail"]))
@example("Ã\u200b©", "text")
@example("👩\u200d\u200d👧", "text")
@example("क\u200d\u200dष", "text")
@example("a\n \n\u200b\n\t\nb", "text")
@example("\u2126\u0301\u2000", "text")
def test_cleaning_what_is_clean_changes_nothing(text, body_format):
    once = clean(text, body_format=body_format)
    again = clean(once.text, body_format="text")
    assert again.text == once.text
    assert again.repairs == ()
    once.text.encode()


@given(AWKWARD)
def test_clean_text_holds_no_control_character_and_is_nfc(text):
    cleaned, _ = tidy(text)
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not [c for c in cleaned if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") and c != "\n"]
    assert cleaned == cleaned.strip()
    assert "\n\n\n\n" not in cleaned


@given(st.text(st.characters(max_codepoint=0x2FFF), max_size=12).filter(is_bad))
def test_whatever_may_be_broken_gets_the_long_check(text):
    assert MAY_BE_BROKEN.search(text)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_printable_ascii_stays_as_it_is(text):
    assert clean(text, body_format="text").text == text


@pytest.mark.parametrize(
    ("text", "cleaned", "repairs"),
    [
        ("Hello there", "Hello there", ()),
        ("  Hello \r\nthere\r", "Hello\nthere", ()),
        ("a\u2028b\u2029c\x85d\x0be", "a\nb\nc\nd\ne", ()),
        ("12\u00a0000\u202f€\tnow", "12 000 € now", ()),
        ("a\n\n\n\n\n\nb", "a\n\n\nb", ()),
        ("    indented\n    code", "indented\n    code", ()),
        ("I don\u00e2\u20ac\u2122t know", "I don’t know", ("mojibake",)),
        ("schÃ¶ne GrÃ¼ÃŸe", "schöne Grüße", ("mojibake",)),
        ("don\x92t \x85", "don’t …", ("mojibake",)),
        ("Ð¿Ñ€Ð¸Ð²ÐµÑ‚", "привет", ("mojibake",)),
        ("Grüße – ça va à la plage, naïve café", "Grüße – ça va à la plage, naïve café", ()),
        ("good ö line\nbroken Ã¶ line", "good ö line\nbroken ö line", ("mojibake",)),
        ("pass\u200bword\ufeff\x00 \x1b[31m", "password [31m", ("control",)),
        ("\u202eevil\u202c \u2066x\u2069 so\u00adft", "evil x soft", ("control",)),
        ("cafe\u0301", "café", ("nfc",)),
        ("\ud83d\ude00 ok \ud83d", "😀 ok \ufffd", ("surrogates",)),
        ("👩\u200d👩\u200d👧 and 👍🏽 ❤\ufe0f\u200d🔥", "👩\u200d👩\u200d👧 and 👍🏽 ❤\ufe0f\u200d🔥", ()),
        ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", None, ()),
        ("می\u200cخواهم", "می\u200cخواهم", ()),
        ("क\u094d\u200dष", "क\u094d\u200dष", ()),
        ("ab\u200dcd\u200c", "abcd", ("control",)),
        ("hidden\U000e0068\U000e0069", "hidden", ("control",)),
        ("　日本語　テキスト", "日本語　テキスト", ()),
        ("", "", ()),
        (" \u200b\n", "", ("control",)),
    ],
)
def test_text_is_made_plain(text, cleaned, repairs):
    expected = text if cleaned is None else cleaned
    assert tidy(text) == (expected, repairs)


def test_nothing_but_the_text_is_given_where_nothing_was_cut():
    cleaned = clean("Where is\r\nmy parcel?", body_format="text")
    assert cleaned.text == "Where is\nmy parcel?"
    assert (cleaned.text_full, cleaned.html, cleaned.quoted_text, cleaned.signature_text) == (None,) * 4


def test_json_is_kept_as_it_is_but_for_what_cannot_be_stored():
    arguments = '{"a":\t"\u200b \ud800"}'
    cleaned = clean(arguments, body_format="json")
    assert cleaned.text == '{"a":\t"\u200b \ufffd"}'
    assert cleaned.repairs == ("surrogates",)


@pytest.mark.parametrize("unit", [" ", "\n", "\u200d", "Ã", "é", "\t", "a ", "\r", "e\u0301", "\x85"])
def test_a_long_run_of_anything_is_cleaned_in_one_go(unit):
    cleaned, _ = tidy("x" + unit * 100_000 + "x")
    assert cleaned.startswith("x")
    assert cleaned.endswith("x")
