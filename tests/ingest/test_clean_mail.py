import email
import email.policy
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.clean.pipeline import clean

LEFTOVER = re.compile(
    r"^>|^.{0,120}(?:wrote|schrieb|a écrit|escribió|ha scritto|skrev|napisał|написал).{0,80}[:：]$"
    r"|^-{2,} ?(?:original|forwarded) message"
    r"|^\s*\*?(?:From|Von|De|Da|Van|Od|Fra):\*? ?.*@",
    re.MULTILINE | re.IGNORECASE,
)
"""The measure of formats.md 3.6: the result still shows a quote's header or a line with its mark."""


def texts(folder):
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}


def bodies(folder, media_type):
    for path in sorted(folder.glob("*.eml")):
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for part in mail.walk():
            if part.get_content_type() == media_type:
                yield path.name, part.get_content()


def leftovers(bodies, body_format):
    cleaned = {name: clean(body, body_format=body_format) for name, body in bodies}
    assert all(found.text for found in cleaned.values())
    return [name for name, found in cleaned.items() if LEFTOVER.search(found.text)]


@pytest.mark.corpus
def test_no_real_mail_still_shows_a_quote(shared):
    folder = shared / "formats"
    assert leftovers(texts(folder / "email_text_replies").items(), "mail") == []
    assert leftovers(texts(folder / "email_html_replies").items(), "html_mail") == []
    assert leftovers(bodies(folder / "email_eml", "text/plain"), "mail") == []
    assert leftovers(bodies(folder / "email_eml", "text/html"), "html_mail") == []


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("name", "kept", "cut"),
    [
        ("alfonsrv_mail-parser-reply__email_1_8.txt", ["I will reply under this one", "and under this."], "-- Tim"),
        ("crisp-oss_email-reply-parser__email_tricky_19_quote_without_header.txt",
         ["My response to the quoted text above.", "And my final thoughts."], "This is a quoted section"),
        ("crisp-oss_email-reply-parser__email_5.txt", ["- And another one", "This is a paragraph"], None),
        ("crisp-oss_email-reply-parser__email_not_a_signature_2.txt", ["-- and also third point", "Thanks!"], None),
        ("crisp-oss_email-reply-parser__email_tricky_7_multiple_dashes.txt", ["separators in my content"], None),
        ("crisp-oss_email-reply-parser__email_tricky_13_timestamp_variations.txt", ["not quote headers."], None),
        ("crisp-oss_email-reply-parser__email_tricky_3_code_block.txt", ["--\\nJohn Doe", "actual signatures"], None),
        ("alfonsrv_mail-parser-reply__email_pl_1_2.txt", ["Jak się masz?"], "Wszystko w porządku"),
        ("crisp-oss_email-reply-parser__email_reply_header.txt", ["the latest reply.", "Stranger"], "getting tired"),
    ],
)  # fmt: skip
def test_what_the_writer_said_in_a_real_mail_stays(shared, name, kept, cut):
    cleaned = clean((shared / "formats" / "email_text_replies" / name).read_text("utf-8"), body_format="mail")
    assert [part for part in kept if part not in cleaned.text] == []
    assert cut is None or (cut not in cleaned.text and cut in (cleaned.quoted_text or ""))


@pytest.mark.parametrize(
    "header",
    [
        "On Mon, 3 Jun 2024 at 10:15, Ann Example <ann@example.com> wrote:",
        "On Mon, 3 Jun 2024 at 10:15, Ann Example\n<ann@example.com> wrote:",
        "Am Mo., 3. Juni 2024 um 10:15 Uhr schrieb Ann Example <ann@example.com>:",
        "Le lun. 3 juin 2024 à 10:15, Ann Example <ann@example.com> a écrit :",
        "El lun, 3 jun 2024 a las 10:15, Ann Example (<ann@example.com>) escribió:",
        "Il giorno lun 3 giu 2024 alle ore 10:15 Ann Example <ann@example.com> ha scritto:",
        "Em seg., 3 de jun. de 2024 às 10:15, Ann Example <ann@example.com> escreveu:",
        "Op ma 3 jun 2024 om 10:15 schreef Ann Example <ann@example.com>:",
        "Den mån 3 juni 2024 kl 10:15 skrev Ann Example <ann@example.com>:",
        "pon., 3 cze 2024 o 10:15 Ann Example <ann@example.com> napisał(a):",
        "пн, 3 июн. 2024 г. в 10:15, Ann Example <ann@example.com>:",
        "03.06.2024, 10:15, \"Ann Example\" <ann@example.com>:",
        "Ann Example <ann@example.com>, 3 Haz 2024 Pzt, 10:15 tarihinde şunu yazdı:",
        "2024年6月3日(月) 10:15 Ann Example <ann@example.com>:",
        "Ann Example <ann@example.com> 于2024年6月3日周一 10:15写道：",
        "-----Original Message-----\nFrom: Ann Example\nSent: Monday\nSubject: Order",
        "______________________\nVon: Ann Example <ann@example.com>\nGesendet: Montag\nAn: Shop\nBetreff: Bestellung",
        "*From:* Ann Example <ann@example.com>\n*Date:* Monday, 3 June 2024\n*To:* shop@example.com\n*Subject:* Order",
        "---------- Forwarded message ---------",
        "##- Please type your reply above this line -##",
    ],
)  # fmt: skip
def test_the_thread_below_a_mail_is_cut_in_many_languages(header):
    full = f"It still does not work.\n\n{header}\n\nHave you tried again?\nYours, the shop"
    cleaned = clean(full, body_format="mail")
    assert cleaned.text == "It still does not work."
    assert cleaned.text_full == full
    assert "Have you tried again?" in cleaned.quoted_text
    assert cleaned.repairs == ("quote",)


@pytest.mark.parametrize(
    "text",
    [
        "Please change my booking:\nFrom: London\nTo: Paris\nDate: 3 May\nThank you!",
        "Your agent told me on 3 May:\nwe will refund you.\nI still wait.",
        "On Monday the shop wrote:\nwe are closed.\nIs that so?",
        "Name: Ann Example\nSubject: order\nDate: 3 May\nIt broke.",
        "Thanks for all!\nWhen will it come?",
        "My steps:\n- open\n-- close\nThen it fails.",
        "Best regards to your team, they were great.\nPlease tell them.",
        "Dear shop,\nBest,\nI would say, is the blue one, in size 40. Do you have it?",
    ],
)
def test_a_letter_that_only_looks_like_a_quote_stays_whole(text):
    cleaned = clean(text, body_format="mail")
    assert cleaned.text == text
    assert cleaned.text_full is None


@pytest.mark.parametrize(
    "signature",
    [
        "-- \nAnn Example\nShop Ltd",
        "Sent from my iPhone",
        "Von meinem iPhone gesendet",
        "Envoyé de mon iPhone",
        "Get Outlook for iOS",
        "Best regards,\nAnn Example\n+44 20 5550 1234",
        "Mit freundlichen Grüßen\n\nAnn Example",
        "Saludos cordiales,\nAnn",
        "Thanks,\nAnn",
        "Kind regards,\nAnn\n\nSent from my phone",
        "Disclaimer\nThis email is confidential.",
    ],
)
def test_a_signature_is_cut_and_kept_beside(signature):
    cleaned = clean(f"Where is my parcel?\n\n{signature}", body_format="mail")
    assert cleaned.text == "Where is my parcel?"
    assert cleaned.signature_text == signature.replace("-- \n", "--\n")
    assert cleaned.repairs == ("signature",)


@pytest.mark.parametrize(
    "text",
    ["Sent from my iPhone", "> only a quote\n> of two lines", "Best regards,\nAnn", "--\nAnn", "Thanks,\nAnn",
     "On 3 May 2024, at 10:15, Ann <ann@example.com> wrote:\n\nall of it"],
)  # fmt: skip
def test_a_mail_is_never_cut_to_nothing(text):
    assert clean(text, body_format="mail").text != ""


def test_an_answer_below_the_quote_stays():
    cleaned = clean("On 3 May, Ann wrote:\n> Where is it?\n\nIt left today.", body_format="mail")
    assert cleaned.text == "It left today."


@pytest.mark.parametrize(
    "html",
    [
        '<div>Yes.</div><div class="gmail_quote">On 3 May 2024, Ann wrote:<blockquote>No?</blockquote></div>',
        '<div>Yes.</div><hr id="stopSpelling">Date: x<br>No?',
        '<p>Yes.</p><div id="divRplyFwdMsg">Whatever language<br>No?</div>',
        '<p>Yes.</p><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3pt">Unbekannt: x</div><p>No?</p>',
        '<div>Yes.</div><div class="yahoo_quoted">No?</div>',
        '<div>Yes.</div><hr data-marker="__DIVIDER__"><div>No?</div>',
        'Yes.<div class="moz-cite-prefix">On 3 May 2024, Ann wrote:</div><blockquote type="cite">No?</blockquote>',
        '<p>Yes.</p><p><b>From:</b> Ann<br><b>Sent:</b> Monday<br><b>Subject:</b> x</p><p>No?</p>',
        '<p>Yes.</p><blockquote style="border-left:1px solid #0857A6">Montag von Ann:<br>No?</blockquote>',
    ],
)  # fmt: skip
def test_the_quote_of_each_mail_program_is_cut_from_html(html):
    cleaned = clean(html, body_format="html_mail")
    assert cleaned.text == "Yes."
    assert "No?" in cleaned.quoted_text
    assert "No?" in cleaned.text_full
    assert cleaned.html == html


def test_answers_between_quotes_in_html_stay():
    html = (
        '<div class="gmail_quote"><div>On 3 May 2024, Ann wrote:</div><blockquote>Red?</blockquote><div>Yes, red.</div>'
        "<blockquote>Large?</blockquote><div>No, small.</div></div>"
    )
    assert clean(html, body_format="html_mail").text.split() == ["Yes,", "red.", "No,", "small."]


def test_a_forwarded_page_without_words_of_its_own_stays():
    assert clean('<div class="yahoo_quoted">All there is</div>', body_format="html_mail").text == "All there is"


@given(
    st.lists(
        st.sampled_from(
            ["Hello", "> quoted", ">", "", "--", "Best regards,", "On 3 May 2024, Ann <a@example.com> wrote:", "On x",
             "From: a@example.com", "Subject: x", "Date: y", "____________", "Sent from my iPhone", "Disclaimer", "PS"]
        ),
        max_size=25,
    ).map("\n".join)
)  # fmt: skip
def test_every_line_of_a_mail_is_kept_somewhere(text):
    cleaned = clean(text, body_format="mail")
    whole = clean(text, body_format="text").text
    assert bool(cleaned.text) == bool(whole)
    kept = "\n".join([cleaned.text, cleaned.quoted_text or "", cleaned.signature_text or ""]).split("\n")
    assert sorted(line for line in kept if line.strip()) == sorted(line for line in whole.split("\n") if line.strip())
    assert (cleaned.text_full or cleaned.text) == whole


@pytest.mark.parametrize("line", ["On x", "--", "From: a", "-" * 50_000 + "x", "a" * 100_000, "Best,", "> a", "12:"])
def test_hostile_mails_are_read_in_time(line):
    text = "\n".join([line] * (200_000 // (len(line) + 1)))
    assert clean(text, body_format="mail").text
