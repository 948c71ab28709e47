"""Pieces of a turn: nothing of the text is lost or doubled, by code points, with emoji and in any direction."""

from hypothesis import given
from hypothesis import strategies as st

from curate.review.segments import APPLIED, LEFT, REJECTED, Item, pieces_of

TEXTS = st.text(alphabet=st.sampled_from("ab1 -é👍👩🏽‍🚒שלום٤\u200e\u0301\n"), min_size=1, max_size=40)


@st.composite
def texts_with_items(draw: st.DrawFn) -> tuple[str, list[Item]]:
    text = draw(TEXTS)
    items = []
    for number in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(text) - 1))
        end = draw(st.integers(start + 1, len(text)))
        state = draw(st.sampled_from((APPLIED, LEFT, REJECTED)))
        score = draw(st.sampled_from((0.3, 0.5, 0.9)))
        kind = draw(st.sampled_from(("PERSON", "PHONE_NUMBER")))
        items.append(Item(f"f{number}", "t", start, end, kind, score, "r", {}, state=state))
    return text, items


@given(texts_with_items())
def test_pieces_put_together_are_the_text_and_know_their_code_points(given: tuple[str, list[Item]]) -> None:
    text, items = given
    pieces = pieces_of(text, items)
    assert "".join(piece.text for piece in pieces) == text
    assert all(text[piece.start : piece.end] == piece.text for piece in pieces)
    assert [piece.start for piece in pieces] == sorted({piece.start for piece in pieces})


@given(texts_with_items())
def test_every_letter_that_is_redacted_stands_in_a_redacted_piece(given: tuple[str, list[Item]]) -> None:
    text, items = given
    covered = {at for one in items if one.state == APPLIED for at in range(one.start, one.end) if text[at].isalnum()}
    shown = {
        at
        for piece in pieces_of(text, items)
        if piece.item is not None and piece.item.state == APPLIED
        for at in range(piece.start, piece.end)
    }
    assert covered <= shown


def test_a_span_after_an_emoji_begins_where_people_see_it() -> None:
    text = "👩🏽‍🚒 call Maria"
    start = text.index("Maria")
    (before, marked) = pieces_of(text, [Item("f", "t", start, len(text), "PERSON", 0.9, "r", {})])
    assert (before.text, marked.text, marked.start) == ("👩🏽‍🚒 call ", "Maria", 10)


def test_what_lies_inside_another_finding_is_told_with_it() -> None:
    whole = Item("f1", "t", 0, 11, "ADDRESS", 0.9, "r", {})
    inner = Item("f2", "t", 3, 7, "PERSON", 0.4, "r", {})
    (piece,) = pieces_of("12 Main Str", [whole, inner])
    assert piece.item == whole
    assert piece.also == (inner,)
