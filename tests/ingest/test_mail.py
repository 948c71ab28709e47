"""Mail: threads by ids and by subject, the support found, notes kept inside, machines told, nothing lost."""

import base64
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.clean.pipeline import clean
from ingest.connector import Reading
from ingest.connectors.mail import CONNECTOR
from ingest.mailbox import MOST_BYTES
from ingest.mapping import Mapping
from ingest.plan import plan
from ingest.records import Conversation, Reject

SHOP = "support@shop.example"
ANN, BEN, CLEO = "ann@one.example", "ben@two.example", "cleo@three.example"


def mail(identity, author, to, text="Hello there", *, subject="Parcel", answers=(), at=0, **fields):
    head = {
        "Message-ID": f"<{identity}>" if identity else None, "From": author, "To": to, "Subject": subject,
        "Date": f"Mon, 01 Jun 2026 10:{at:02}:00 +0000", "MIME-Version": "1.0",
        "In-Reply-To": f"<{answers[-1]}>" if answers else None,
        "References": " ".join(f"<{parent}>" for parent in answers) or None,
        **{name.replace("_", "-"): value for name, value in fields.items()},
    }  # fmt: skip
    return "".join(f"{name}: {value}\n" for name, value in head.items() if value) + f"\n{text}\n"


def mbox(*mails):
    return "".join(f"From x@y Mon Jun 01 10:00:00 2026\n{content}\n" for content in mails)


def crowd():
    """Three customers who are answered, so that nobody doubts who the support is."""
    return [
        letter
        for at, who in enumerate((BEN, CLEO, "dora@four.example"), 30)
        for letter in (
            mail(f"c{at}", who, SHOP, subject=f"Case {at}", at=at),
            mail(f"a{at}", SHOP, who, subject=f"Re: Case {at}", answers=[f"c{at}"], at=at),
        )
    ]


@pytest.fixture
def read(tmp_path, store):
    """Write mailboxes and read them together."""

    def read_files(*mails, files=None, roles=None, is_alone=False):
        folder = tmp_path / "mails"
        wanted = {"box.mbox": mbox(*mails, *([] if is_alone else crowd()))} if files is None else files
        for name, content in wanted.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        mapping = Mapping("conversation", roles=roles) if roles else None
        (batch,) = plan([folder], connector="mail").batches
        return list(CONNECTOR.read(Reading(batch.files, store.spool(), mapping)))

    return read_files


def thread(records, subject="Parcel"):
    found = [one for one in records if isinstance(one, Conversation) and one.subject == subject]
    assert len(found) == 1, [one.subject for one in records if isinstance(one, Conversation)]
    return found[0]


def said(conversation):
    return [(turn.role, clean(turn.text, body_format=turn.body_format).text) for turn in conversation.turns]


def test_references_join_mails_also_where_one_between_them_is_missing(read):
    one = thread(read(
        mail("3", ANN, SHOP, "third", subject="Re: Parcel", answers=["1", "2"], at=3),
        mail("1", ANN, SHOP, "first", at=1),
    ))  # fmt: skip
    assert said(one) == [("customer", "first"), ("customer", "third")]
    assert (one.external_id, one.turns[1].reply_to, one.completeness) == ("1", "2", "complete")


def test_a_thread_whose_start_is_missing_is_named_by_it_and_said(read):
    one = thread(read(mail("3", ANN, SHOP, answers=["1", "2"], subject="Re: Parcel")))
    assert (one.external_id, one.completeness) == ("1", "truncated_head")


def test_an_answer_that_names_no_mail_is_joined_by_subject_and_customer(read):
    records = read(
        mail("1", ANN, SHOP, "mine", at=1),
        mail("2", BEN, SHOP, "another's", at=2),
        mail("3", "max@shop.example", ANN, "answer", subject="AW: Parcel", at=3),
    )
    found = [said(one) for one in records if isinstance(one, Conversation) and one.subject == "Parcel"]
    assert sorted(found) == [[("customer", "another's")], [("customer", "mine"), ("agent", "answer")]]


@pytest.mark.parametrize(("subject", "day"), [("Parcel", "01 Jun"), ("Re: Parcel", "20 Sep"), ("Re: Other", "01 Jun")])
def test_no_answer_a_late_one_or_another_subject_is_not_joined(read, subject, day):
    later = mail("2", SHOP, ANN, "x", subject=subject, at=40, Date=f"Mon, {day} 2026 11:00:00 +0000")
    records = read(mail("1", ANN, SHOP, at=1), later)
    assert sorted(len(one.turns) for one in records) == [1, 1, 2, 2, 2]


def test_who_corresponds_with_many_is_the_support_and_so_are_the_colleagues(read):
    one = thread(read(mail("1", ANN, SHOP), mail("2", "Max <MAX@shop.example>", ANN, answers=["1"], at=2)))
    assert [turn.role for turn in one.turns] == ["customer", "agent"]
    people = {person.external_id: (person.role, person.role_source, person.display_name) for person in one.participants}
    assert people["max@shop.example"] == ("agent", "inferred", "Max")
    assert people[ANN] == ("customer", "inferred", None)


def test_where_one_house_writes_to_itself_addresses_count_one_by_one(read):
    desk, asks = "desk@uni.example", [f"p{at}@uni.example" for at in range(5)]
    mails = [mail(f"q{at}", who, desk, subject=f"Login {at}", at=at) for at, who in enumerate(asks)]
    mails += [mail(f"r{at}", desk, who, answers=[f"q{at}"], at=at + 9) for at, who in enumerate(asks)]
    for one in read(*mails, is_alone=True):
        assert [turn.role for turn in one.turns] == ["customer", "agent"]


def test_a_mapping_names_the_support_by_address_or_domain(read):
    mails = (mail("1", ANN, "x@desk.example"), mail("2", "x@desk.example", ANN, answers=["1"], at=2))
    (told,) = read(*mails, is_alone=True, roles={"@desk.example": "agent"})
    (guessed,) = read(*mails, is_alone=True)
    assert [turn.role for turn in told.turns] == [turn.role for turn in guessed.turns] == ["customer", "agent"]
    assert {person.role_source for person in told.participants if person.role == "agent"} == {"mapping"}
    assert (told.custom, "customer" in guessed.custom["roles"]) == ({}, True)


def test_what_the_customer_never_saw_is_a_note(read):
    one = thread(read(
        mail("1", ANN, SHOP, "where is it", at=1),
        mail("2", SHOP, "max@shop.example", "have a look", answers=["1"], at=2),
        mail("3", SHOP, "carrier@post.example", "please search", answers=["1"], at=3),
        mail("4", "carrier@post.example", SHOP, "it is lost", answers=["1", "3"], at=4),
        mail("5", SHOP, ANN, "we send another", answers=["1"], at=5, Cc="boss@shop.example"),
    ))  # fmt: skip
    assert [(turn.kind, turn.visibility) for turn in one.turns] == [
        ("message", "public"), ("note", "internal"), ("note", "internal"), ("note", "internal"), ("message", "public"),
    ]  # fmt: skip
    assert {person.external_id: person.role for person in one.participants}["carrier@post.example"] == "third_party"


def test_a_form_that_writes_for_somebody_is_that_somebody(read):
    one = thread(read(mail("1", "form@shop.example", SHOP, Reply_To=f"Ann <{ANN}>")))
    assert (one.turns[0].role, one.turns[0].author, one.turns[0].visibility) == ("customer", ANN, "public")


@pytest.mark.parametrize(
    ("author", "fields", "expected"),
    [
        (ANN, {"Auto_Submitted": "auto-replied"}, ("customer", "autoreply", "message")),
        (ANN, {"Subject": "Automatische Antwort: Parcel"}, ("customer", "autoreply", "message")),
        (SHOP, {"Auto_Submitted": "auto-generated"}, ("bot", "workflow", "message")),
        (ANN, {"Precedence": "bulk"}, ("customer", "workflow", "message")),
        ("MAILER-DAEMON@post.example", {}, ("system", "autoreply", "event")),
        (ANN, {"Content_Type": "text/calendar"}, ("customer", "workflow", "message")),
        (ANN, {"Precedence": "list", "List_Id": "<support.shop.example>"}, ("customer", None, "message")),
    ],
)
def test_machines_are_told_from_people(read, author, fields, expected):
    to = ANN if author == SHOP else SHOP
    records = read(mail("1", ANN, SHOP, at=1), mail("2", author, to, answers=["1"], at=2, **fields))
    turn = thread(records).turns[1]
    assert (turn.role, turn.automation, turn.kind) == expected
    assert turn.is_automated == bool(expected[1])


def test_the_same_mail_in_two_folders_stands_once(read):
    letters = [mail("1", ANN, SHOP, at=1), mail("2", SHOP, ANN, answers=["1"], at=2)]
    records = read(files={"Inbox": mbox(*letters, *crowd()), "Sent/box.mbox": mbox(letters[1])})
    assert len(thread(records).turns) == 2


def test_mails_that_share_an_id_stay_apart(read):
    records = read(mail("0", ANN, SHOP, "one", at=1), mail("0", BEN, SHOP, "two", subject="Other", at=2))
    assert [said(thread(records, subject)) for subject in ("Parcel", "Other")] == [
        [("customer", "one")], [("customer", "two")],
    ]  # fmt: skip
    ids = [one.external_id for one in records if isinstance(one, Conversation)]
    assert len(set(ids)) == len(ids)


def test_an_answer_never_stands_before_what_it_answers(read):
    records = read(mail("1", ANN, SHOP, "question", at=20), mail("2", SHOP, ANN, "answer", answers=["1"], at=10))
    assert said(thread(records)) == [("customer", "question"), ("agent", "answer")]


def test_quotes_and_signatures_are_cut_and_html_is_preferred(read):
    page = base64.b64encode(b"<p>Long words in one line.</p><blockquote>old</blockquote>").decode()
    text = (
        "--b\nContent-Type: text/plain\n\nLong words\nin one line.\n> old\n"
        '--b\nContent-Type: text/html; charset="utf-8"\n'
        f"Content-Transfer-Encoding: base64\n\n{page}\n--b--"
    )
    one = thread(read(mail("1", ANN, SHOP, text, Content_Type="multipart/alternative; boundary=b")))
    assert (one.turns[0].body_format, said(one)) == ("html_mail", [("customer", "Long words in one line.")])


def test_attachments_are_named_and_not_kept(read):
    text = (
        "--b\nContent-Type: text/plain\n\nSee the photo.\n--b\nContent-Type: image/png\nContent-ID: <i@x>\n"
        f"Content-Transfer-Encoding: base64\n\n{base64.encodebytes(bytes(100)).decode()}"
        "--b\nContent-Type: application/pdf\n"
        "Content-Disposition: attachment; filename*=utf-8''Rechnung%20f%C3%BCr%20Ann.pdf\n\nxyz\n"
        "--b\nContent-Type: message/rfc822\n\nFrom: q@x\nSubject: old\n\nold words\n--b--"
    )
    one = thread(read(mail("1", ANN, SHOP, text, Content_Type="multipart/mixed; boundary=b")))
    files = [(file.file_name, file.media_type, file.bytes, file.is_inline) for file in one.turns[0].attachments]
    assert files == [
        ("image/png", "image/png", 100, True), ("Rechnung für Ann.pdf", "application/pdf", 3, False),
        ("message/rfc822", "message/rfc822", None, False),
    ]  # fmt: skip
    assert said(one) == [("customer", "See the photo.")]


@pytest.mark.parametrize(
    ("content", "charset"),
    [("Größe 40", "iso-8859-1"), ("Größe “40”", "x-unknown"), ("注文の件です", "iso-2022-jp"), ("Размер", "koi8-r"),
     ("Größe 40", "us-ascii")],
)  # fmt: skip
def test_text_is_read_in_its_charset_or_in_what_it_looks_like(read, content, charset):
    written = content.encode({"x-unknown": "cp1252", "us-ascii": "utf-8"}.get(charset, charset))
    head = mail("1", ANN, SHOP, "", Content_Type=f"text/plain; charset={charset}").encode()
    (one,) = read(files={"one.eml": head + written}, roles={SHOP: "agent"})
    assert one.turns[0].text.strip() == content
    assert ("charset" in one.turns[0].custom) == (charset == "x-unknown")


def test_names_and_subjects_are_decoded_also_where_they_break_the_rules(read):
    head = mail("1", f"=?utf-8?q?J=C3=BCrgen?= <{ANN}>", f"Doe, Jo <{SHOP}>", subject="=?utf-8?b?R3LDvMOfZQ==?=")
    one = thread(read(head), "Grüße")
    assert [(person.external_id, person.display_name) for person in one.participants] == [
        (ANN, "Jürgen"), (SHOP, one.participants[1].display_name),
    ]  # fmt: skip


def test_softly_broken_lines_are_joined_within_one_depth_of_quoting(read):
    text = "This is one \nlong sentence.\n> and \n> a quote\nNext.\n-- \nAnn"
    one = thread(read(mail("1", ANN, SHOP, text, Content_Type="text/plain; format=flowed")))
    assert one.turns[0].text.strip() == "This is one long sentence.\n> and a quote\nNext.\n-- \nAnn"


def test_lines_that_look_like_envelopes_cut_nothing(read):
    text = "Dear shop,\n\nFrom Monday on at 10:15 I am away.\n>From here it goes on.\n\nFrom what I see 10:15 is fine"
    one = thread(read(mail("1", ANN, SHOP, text)))
    assert "From Monday" in one.turns[0].text
    assert "\nFrom here" in one.turns[0].text
    assert "From what I see" in one.turns[0].text


def test_drafts_labels_and_a_missing_date(read):
    received = "from x by y with z;\n Mon, 01 Jun 2026 09:00:00 +0000"
    one = thread(read(mail("1", ANN, SHOP, Date="", Received=received, X_Gmail_Labels="Inbox,Drafts")))
    assert (one.turns[0].is_draft, one.tags) == (True, ("Inbox", "Drafts"))
    assert one.turns[0].created_at == "Mon, 01 Jun 2026 09:00:00 +0000"
    (flagged,) = read(files={"cur/1:2,DS": mail("9", SHOP, ANN)}, roles={SHOP: "agent"})[-1:]
    assert flagged.turns[0].is_draft


def test_a_zip_of_single_mails_is_one_mailbox(tmp_path, store):
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for at, letter in enumerate([mail("1", ANN, SHOP, at=1), mail("2", SHOP, ANN, answers=["1"], at=2), *crowd()]):
            archive.writestr(f"folder {at % 2}/{at}.eml", letter)
    (batch,) = plan([path]).batches
    records = list(CONNECTOR.read(Reading(batch.files, store.spool())))
    assert [turn.place for turn in thread(records).turns] == ["mail 1", "1.eml mail 1"]


def test_a_very_large_mail_keeps_its_text_and_says_so(read):
    head = mail("1", ANN, SHOP, "--b\nContent-Type: text/plain\n\nSee the film.\n--b\nContent-Type: video/mp4\n",
                Content_Type="multipart/mixed; boundary=b")  # fmt: skip
    one = thread(read(head + ("A" * 99 + "\n") * (MOST_BYTES // 100 + 1) + "--b--\n"))
    assert said(one) == [("customer", "See the film.")]
    assert (one.completeness, "cut_off" in one.turns[0].custom) == ("truncated_body", True)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (mail("1", ANN, SHOP).replace(f"From: {ANN}\n", ""), "bad_record"),
        (mail("1", ANN, SHOP, "--b\n\nhalf", Content_Type="multipart/mixed; boundary=b"), "truncated"),
        (mail("1", ANN, SHOP, "R3LDvMO", Content_Transfer_Encoding="base64"), "truncated"),
        (mail("1", ANN, SHOP, " "), "no_turns"),
    ],
)
def test_what_is_no_whole_mail_is_a_reject(read, content, code):
    records = read(content)
    assert [one.code for one in records if isinstance(one, Reject)] == [code]
    assert sum(isinstance(one, Conversation) for one in records) == 3


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_mailbox_cut_anywhere_loses_no_whole_mail(read, tenth):
    whole = mbox(*(mail(f"m{at}", ANN, SHOP, "words " * (at + 1), subject=f"S {at}", at=at) for at in range(12)))
    cut = whole[: len(whole) * tenth // 10]
    records = read(files={"box.mbox": cut}, roles={SHOP: "agent"})
    complete = sum(f"S {at}\n" in cut and cut.partition(f"S {at}\n")[2].count("\n\n") >= 2 for at in range(12))
    found = [one for one in records if isinstance(one, Conversation)]
    assert len(found) - complete in (0, 1)
    assert len(records) == cut.count("\n\nFrom ") + 1
    assert all(one.code == "truncated" for one in records if isinstance(one, Reject))


LINES = st.sampled_from(
    ["From: a@b.example", "From x@y Mon Jun 01 10:00:00 2026", "To: c@d.example", "Subject: =?x?b?!?=", "Date: never",
     "Message-ID: <1@x>", "References: <1@x> <2@x>", "Content-Type: multipart/mixed; boundary=b", "", "--b", "--b--",
     "Content-Type: text/html; charset=\x00", "Content-Transfer-Encoding: base64", "====", "text", " folded", "\xff:",
     "Content-Disposition: attachment; filename*0*=x''%", "Content-Type: message/rfc822", "From:", "Received: ;"]
)  # fmt: skip


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(lines=st.lists(LINES, max_size=30))
def test_no_odd_mail_crashes_and_each_is_a_turn_or_a_reject(tmp_path_factory, store, lines):
    path: Path = tmp_path_factory.mktemp("odd") / "box.mbox"
    path.write_text("From x@y Mon Jun 01 10:00:00 2026\nSubject: x\n" + "\n".join(lines) + "\n", encoding="latin-1")
    (batch,) = plan([path], connector="mail").batches
    records = list(CONNECTOR.read(Reading(batch.files, store.spool())))
    assert records
    assert all(isinstance(one, Conversation | Reject) for one in records)
