"""What a person would keep of the real mails beside the checkout, judged by reading, against what our cutter keeps.

The mails are not ours to copy, so the judgement is written as line numbers of each file, from 1: the lines that are the
writer's own words, without the quoted thread and without the signature (sign-off, name, device, mailing list, legal
notice). White space does not count.
"""

from pathlib import Path

import pytest

from ingest.clean.pipeline import clean

Lines = list[tuple[int, int]]
"""Ranges of lines, both ends included."""

PARAGRAPH: Lines = [(1, 5)]
"""One paragraph stands above the thread."""

OF_MAIL_PARSER: dict[str, Lines] = {
    "begins_with_signature": [(1, 4)],
    "caution2": [(1, 5)],
    "email_1_1": [(1, 5)],
    "email_1_4": [(1, 1)],
    "email_1_6": [(1, 1)],
    "email_1_8": [(13, 13), (19, 19)],
    "email_2_2": [(1, 1)],
    "email_3_1": [(1, 3)],
    "email_danish_1": [(1, 3)],
    "email_danish_3": [(1, 3)],
    "email_danish_5": [(1, 3)],
    "email_headers_no_delimiter": [(1, 1)],
    "email_ja_1_2": [(1, 8)],
    "email_nl_1_2": [(1, 1)],
    "email_partial_quote_header": [(1, 6)],
    "email_pl_1_2": [(6, 8)],
    "email_sent_from_BlackBerry": [(1, 1)],
    "email_sent_from_multi_word_mobile_device": [(1, 1)],
    "email_sig_delimiter_in_middle_of_line": [(1, 7)],
    "email_swedish_1": [(1, 5)],
    "forward": [(1, 5)],
    "multi_header": [(1, 1)],
    "multiline_on_de": [(1, 1)],
    "pathological": [(1, 2)],
}
OF_REPLY_PARSER: dict[str, Lines] = {
    "email_1": [(1, 5)],
    "email_11": PARAGRAPH,
    "email_13": PARAGRAPH,
    "email_15": PARAGRAPH,
    "email_17": PARAGRAPH,
    "email_19": [(1, 1)],
    "email_20": [(1, 1)],
    "email_22": PARAGRAPH,
    "email_24": PARAGRAPH,
    "email_26": PARAGRAPH,
    "email_3": [(1, 3)],
    "email_5": [(1, 15)],
    "email_7": PARAGRAPH,
    "email_9": PARAGRAPH,
    "email_bullets": [(1, 9)],
    "email_customer_quote_header_2": [(1, 1)],
    "email_danish_dash_separator": PARAGRAPH,
    "email_en_multiline_2": PARAGRAPH,
    "email_fr_multiline": PARAGRAPH,
    "email_french_dash_separator": PARAGRAPH,
    "email_german_2": PARAGRAPH,
    "email_german_outlook": PARAGRAPH,
    "email_ios_outlook": PARAGRAPH,
    "email_iphone": [(1, 1)],
    "email_msn": PARAGRAPH,
    "email_norwegian_gmail": PARAGRAPH,
    "email_not_a_signature_2": [(1, 10)],
    "email_original_message": PARAGRAPH,
    "email_outlook_split_line_from": PARAGRAPH,
    "email_reply_header": [(1, 11)],
    "email_sent_from": [(1, 1)],
    "email_thread": [(1, 1)],
    "email_tricky_11_double_signature": [(1, 1)],
    "email_tricky_13_timestamp_variations": [(1, 9)],
    "email_tricky_15_original_message_variations": PARAGRAPH,
    "email_tricky_17_forward_header": [(1, 1)],
    "email_tricky_19_quote_without_header": [(1, 1), (7, 7), (12, 12)],
    "email_tricky_20_html_entities": [(1, 3)],
    "email_tricky_3_code_block": [(1, 12)],
    "email_tricky_5_mixed_languages": PARAGRAPH,
    "email_tricky_7_multiple_dashes": [(1, 15)],
    "email_tricky_9_nested_quotes": [(1, 1)],
    "email_with_date_headers": [(1, 1)],
    "email_with_regards": [(1, 5)],
    "sig_no_empty_line": [(1, 1)],
}
OF_HTML: dict[str, str] = dict.fromkeys(
    ("gmail", "hotmail", "ms_outlook_2010", "thunderbird", "yandex_ru"), "Hi. I am fine."
)
"""The five HTML replies say the same; below it stand thanks and a name, which are the signature."""

STILL_DIFFERENT = {"email_with_date_headers"}
"""Its thread begins under the placeholder "[DATE]", which no mail program writes: we keep it and what is below."""


def expectations() -> dict[str, Lines]:
    return {
        f"{prefix}__{name}.txt": lines
        for prefix, files in (
            ("alfonsrv_mail-parser-reply", OF_MAIL_PARSER),
            ("crisp-oss_email-reply-parser", OF_REPLY_PARSER),
        )
        for name, lines in files.items()
    }


def words(text: str) -> str:
    return " ".join(text.split())


def kept_by_hand(text: str, ranges: Lines) -> str:
    lines = text.split("\n")
    return words("\n".join(line for first, last in ranges for line in lines[first - 1 : last]))


@pytest.mark.corpus
def test_there_is_a_judgement_for_every_mail(shared: Path) -> None:
    assert {path.name for path in (shared / "formats" / "email_text_replies").iterdir()} == set(expectations())
    assert {path.stem.removeprefix("mailgun_talon__") for path in (shared / "formats" / "email_html_replies").iterdir()
            } == set(OF_HTML)  # fmt: skip


@pytest.mark.corpus
@pytest.mark.parametrize("name", sorted(expectations()))
def test_the_reply_is_what_a_person_would_keep(shared: Path, name: str) -> None:
    text = (shared / "formats" / "email_text_replies" / name).read_text("utf-8")
    expected, kept = kept_by_hand(text, expectations()[name]), words(clean(text, body_format="mail").text)
    if name.removesuffix(".txt").partition("__")[2] in STILL_DIFFERENT:
        assert kept.startswith(expected)
        assert kept != expected
    else:
        assert kept == expected


@pytest.mark.corpus
@pytest.mark.parametrize("name", sorted(OF_HTML))
def test_the_html_reply_is_what_a_person_would_keep(shared: Path, name: str) -> None:
    source = (shared / "formats" / "email_html_replies" / f"mailgun_talon__{name}.html").read_text("utf-8")
    assert words(clean(source, body_format="html_mail").text) == OF_HTML[name]


LONG = "It stopped working after the update of last week, although the lamp is on and the cable sits tight. " * 2


def test_what_a_phone_repeats_below_its_signature_without_a_header_is_the_thread() -> None:
    cleaned = clean(f"{LONG}\n\nSent from my Fonix 4G\n\nHave you tried again?", body_format="mail")
    assert (cleaned.text, cleaned.quoted_text) == (LONG.strip(), "Have you tried again?")


@pytest.mark.parametrize(
    "text",
    [
        "Hi,\n\nSent from my Fonix 4G\n\nMy parcel is lost.",
        f"{LONG}\n\nSent from my Fonix 4G\n\nMore below.\n\nOn 3 May 2024, Ann <ann@example.com> wrote:\n> Hi",
    ],
)
def test_words_below_a_phones_signature_stay_where_they_may_be_the_reply(text: str) -> None:
    assert clean(text, body_format="mail").text.endswith(("My parcel is lost.", "More below."))


def test_the_torn_ends_of_quoted_lines_are_part_of_the_quote() -> None:
    quote = f"> {'long words ' * 7}and\nmore of it\n> Next line.\nand its end\n> Yours"
    assert clean(f"Yes.\n\n{quote}", body_format="mail").text == "Yes."


def test_a_short_answer_between_two_quoted_lines_stays() -> None:
    assert clean("> Red or blue?\nblue please\n> Which size?\n40", body_format="mail").text == "blue please\n40"


def test_a_name_behind_a_dash_is_a_signature_and_the_item_of_a_list_is_none() -> None:
    assert clean("Where is it?\n\n-Ann Example", body_format="mail").signature_text == "-Ann Example"
    assert clean("I need:\n- Tea\n\n- Green Apples", body_format="mail").text.endswith("Green Apples")
