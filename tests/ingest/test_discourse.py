"""Forums: the asker is the customer, the accepted answer the outcome; whispers internal, quotes cut, pages joined."""

import pytest

from ingest.connectors.discourse import CONNECTOR
from tests.ingest.files import conversations, read_files, rejects


@pytest.fixture
def read(tmp_path, store):
    return lambda **files: read_files(CONNECTOR, tmp_path / "export", store, **files)


def post(number, text, user=7, **fields):
    return {"id": 100 + number, "topic_id": 1, "post_number": number, "post_type": 1, "user_id": user,
            "username": f"user{user}", "name": f"User {user}", "cooked": f"<p>{text}</p>", "staff": False, "version": 1,
            "created_at": f"2026-01-05T10:{number:02}:00.000Z", "updated_at": f"2026-01-05T10:{number:02}:00.000Z",
            **fields}  # fmt: skip


def topic(*posts, **fields):
    stream = [one["id"] for one in posts if isinstance(one, dict)]
    return {"id": 1, "title": "Where is it?", "tags": ["parcel", {"name": "late"}], "closed": False,
            "post_stream": {"posts": list(posts), "stream": stream}, **fields}  # fmt: skip


def test_the_asker_is_the_customer_staff_and_who_answers_are_agents(read) -> None:
    (one,) = read(a=topic(post(1, "hi"), post(2, "see FAQ", 8), post(3, "done", 9, staff=True), post(4, "thanks")))
    assert [turn.role for turn in one.turns] == ["customer", "agent", "agent", "customer"]
    assert [(p.role, p.role_source) for p in one.participants] == [
        ("customer", "inferred"), ("agent", "inferred"), ("agent", "explicit"),
    ]  # fmt: skip
    assert (one.subject, one.tags, one.status, one.channel) == ("Where is it?", ("parcel", "late"), "open", "forum")
    assert (one.turns[0].body_format, one.completeness) == ("html", "complete")


@pytest.mark.parametrize("how", ["post", "topic"])
def test_the_accepted_answer_is_the_outcome(read, how) -> None:
    answer = post(3, "so", 9, **({"accepted_answer": True} if how == "post" else {}))
    head = {"accepted_answer": {"post_number": 3}} if how == "topic" else {}
    (one,) = read(a=topic(post(1, "how?"), post(2, "dunno", 8), answer, **head))
    assert (one.status, one.custom["accepted_answer"]) == ("solved", "103")
    assert [turn.custom for turn in one.turns] == [{}, {}, {"accepted_answer": True}]


def test_an_announcement_of_staff_has_no_customer_and_a_question_of_staff_has(read) -> None:
    (news,) = read(a=topic(post(1, "New version", staff=True), post(2, "nice", 8)))
    assert [turn.role for turn in news.turns] == ["agent", "agent"]
    (question,) = read(a=topic(post(1, "how?", staff=True), post(2, "so", 8, accepted_answer=True)))
    assert [turn.role for turn in question.turns] == ["customer", "agent"]


def test_whispers_actions_hidden_and_deleted_posts(read) -> None:
    (one,) = read(a=topic(
        post(1, "hi"), post(2, "careful", 9, post_type=4, staff=True),
        post(3, "", -1, post_type=3, cooked="", username="system", action_code="closed.enabled"),
        post(4, "spam", 8, hidden=True), post(5, "oops", 8, deleted_at="2026-01-06"),
        post(6, "bot", -2, username="discobot")))  # fmt: skip
    assert [(turn.kind, turn.role, turn.visibility, turn.is_deleted) for turn in one.turns] == [
        ("message", "customer", "public", False), ("note", "agent", "internal", False),
        ("event", "system", "internal", False), ("message", "agent", "internal", False),
        ("message", "agent", "public", True), ("message", "bot", "public", False),
    ]  # fmt: skip
    assert one.turns[2].text == "closed.enabled"


def test_quotes_are_cut_and_replies_and_edits_kept(read) -> None:
    quoted = '<aside class="quote no-group" data-post="1"><blockquote>hi</blockquote></aside><p>here</p>'
    (one,) = read(a=topic(post(1, "hi"), post(2, "", 8, cooked=quoted, reply_to_post_number=1, version=2,
                                              updated_at="2026-01-07T10:00:00.000Z")))  # fmt: skip
    turn = one.turns[1]
    assert (turn.text, turn.reply_to, turn.edited_at) == ("<p>here</p>", "101", "2026-01-07T10:00:00.000Z")
    assert one.turns[0].edited_at is None


def test_pages_of_posts_are_joined_and_missing_ones_counted(read) -> None:
    whole = topic(post(1, "hi"))
    whole["post_stream"]["stream"] = [101, 102, 103]
    more = {"id": 1, "post_stream": {"posts": [post(2, "two", 8)]}}
    latest = {"latest_posts": [post(3, "three", 8), post(2, "two!", 8, updated_at="2026-02-01T00:00:00.000Z")]}
    (joined,) = read(b=whole, a=more, c=latest)
    assert [turn.text for turn in joined.turns] == ["<p>hi</p>", "<p>two!</p>", "<p>three</p>"]
    (cut,) = read(b=whole, a=[], c=[])
    assert (cut.completeness, cut.custom["posts_missing"]) == ("truncated_body", 2)


def test_without_its_first_post_a_topic_has_no_customer_unless_it_names_one(read) -> None:
    (one,) = read(a={"latest_posts": [post(5, "later", 8)]})
    assert (one.completeness, one.turns[0].role) == ("truncated_head", "agent")
    (told,) = read(a=topic(post(5, "later", 8), details={"created_by": {"id": 8}}))
    assert told.turns[0].role == "customer"


def test_phpbbs_tables_are_joined(read) -> None:
    row = {"post_id": "11", "topic_id": "5", "poster_id": "70", "post_time": "1767600000", "post_visibility": "1"}
    quoting = '<r><QUOTE author="x"><s>[quote]</s>hi<e>[/quote]</e></QUOTE><B><s>[b]</s>so<e>[/b]</e></B></r>'
    tables = [{"type": "header"}, {"type": "database"},
              {"type": "table", "name": "phpbb_topics", "data": [
                  {"topic_id": "5", "topic_title": "Help", "topic_poster": "70", "topic_solved": "12"}]},
              {"type": "table", "name": "phpbb_posts", "data": [
                  {**row, "post_id": "12", "poster_id": "2", "post_time": "1767600100",
                   "post_text": quoting},
                  {**row, "post_text": "[quote=&quot;x&quot;:1a]old[/quote:1a][b:1a]hi[/b:1a]\nthere"},
                  {**row, "post_id": "13", "post_visibility": "2", "post_text": "<t>gone</t>"}]},
              {"type": "table", "name": "phpbb_users", "data": [
                  {"user_id": "2", "username": "bo", "user_type": "3", "user_email": "bo@example.com"}]}]  # fmt: skip
    (one,) = read(a=tables)
    assert [(turn.role, turn.text, turn.is_deleted) for turn in one.turns] == [
        ("customer", "hi<br>there", False), ("customer", "<t>gone</t>", True), ("agent", "<r><B>so</B></r>", False),
    ]  # fmt: skip
    assert (one.subject, one.status, one.custom["accepted_answer"]) == ("Help", "solved", "12")
    assert [(p.display_name, p.email) for p in one.participants] == [(None, None), ("bo", "bo@example.com")]


def test_a_phpbb_topic_with_its_posts_and_a_page_of_posts(read) -> None:
    said = {"post_id": 1, "post_text": "hi", "username": "ann", "post_time": 1_767_600_000}
    (one,) = read(a={"topic_id": 5, "topic_title": "Help", "posts": [said]})
    assert (one.external_id, one.subject, one.turns[0].role) == ("5", "Help", "customer")
    (page,) = read(a={"posts": [{**said, "topic_id": 6, "post_subject": "More"}]})
    assert (page.external_id, page.subject) == ("6", "More")


def test_what_holds_no_posts_is_explained(read) -> None:
    records = read(a=[topic(post(1, "hi"), "odd"), topic(id=2), {"topic_list": {"topics": []}}, {"x": 1},
                      {"post_id": 4, "post_text": "lost"}])  # fmt: skip
    assert len(conversations(records)) == 1
    assert sorted(code for code, _ in rejects(records)) == [
        "bad_record", "bad_record", "no_identity", "no_turns", "no_turns",
    ]  # fmt: skip
