import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.clean.html import html_to_text
from ingest.clean.pipeline import clean

TAGS = [
    "div",
    "p",
    "br",
    "b",
    "ul",
    "li",
    "table",
    "tr",
    "td",
    "blockquote",
    "a href='x'",
    "pre",
    "script",
]
FRAGMENTS = st.lists(
    st.one_of(
        st.sampled_from([f"<{tag}>" for tag in TAGS] + [f"</{tag.split()[0]}>" for tag in TAGS]),
        st.sampled_from(["Hello", " there ", "&amp;", "&nbsp;", "<", ">", "\n", "<!--", "-->", "é"]),
    ),
    max_size=40,
).map("".join)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>Hello <b>Ann</b>,</p><p>bye</p>", "Hello Ann,\n\nbye"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<div>one</div><div><br></div><div>two</div>", "one\n\ntwo"),
        ("one<br>two<br/>\n<br>three", "one\ntwo\n\nthree"),
        ("un<b>believ</b>able\n  spaces", "unbelievable spaces"),
        ("<ul><li>a</li><li>b<ol><li>c</li><li>d</li></ol></li></ul>", "- a\n- b\n  1. c\n  2. d"),
        ("<ul><li><p>a</p></li><li><p>b</p></li></ul>", "- a\n- b"),
        ("<table><tr><th>Item</th><th>Price</th></tr><tr><td>Cup</td><td>4 €</td></tr></table>",
         "Item | Price\nCup | 4 €"),
        ("<table><tr><td>&nbsp;</td><td>only</td></tr></table>", "only"),
        ('See <a href="https://help.example.com/1">our help</a>.', "See our help (https://help.example.com/1)."),
        ('<a href="https://shop.example.com/">shop.example.com</a>', "shop.example.com"),
        ('<a href="mailto:a@example.com">a@example.com</a>', "a@example.com"),
        ('<a href="mailto:a@example.com">Write us</a>', "Write us (a@example.com)"),
        ('<a href="javascript:x()">click</a> <a href="#top">up</a>', "click up"),
        (f'<a href="https://t.example.com/{"x" * 300}">track</a>', "track"),
        ('Great <img src="x" alt="👍"><img src="y">', "Great 👍"),
        ("a<script>alert(1)</script><style>p{}</style><!-- c -->b<head><title>t</title></head>", "ab"),
        ('<div style="display: none">preheader</div><p hidden>x</p>seen', "seen"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("Tom &amp; Jerry &lt;3", "Tom & Jerry <3"),
        ("3 &lt; 4 and\nno tags", "3 < 4 and\nno tags"),
        ("a < b and c > d", "a < b and c > d"),
        ("<p>caf\u00c3\u00a9</p>", "café"),
        ("", ""),
        ("<p></p>", ""),
        ('<blockquote>Quoted in a chat</blockquote>', "Quoted in a chat"),
        ("<o:p>office</o:p><wbr>tags", "officetags"),
    ],
)  # fmt: skip
def test_html_is_read_as_a_reader_sees_it(source, text):
    assert clean(source, body_format="html").text == text


def test_the_source_is_kept_where_it_is_html():
    assert clean("<p>a</p>", body_format="html").html == "<p>a</p>"
    assert clean("<p>a</p>", body_format="html").repairs == ("html",)
    assert clean("plain\ntext", body_format="html").html is None


@given(FRAGMENTS, st.booleans())
def test_broken_html_is_read_without_leaving_tags(source, mail):
    read = html_to_text(source, mail=mail)
    assert "</" not in read.text
    assert "<div>" not in read.text


@pytest.mark.parametrize("depth", [100, 3_000, 60_000])
@pytest.mark.parametrize("tag", ["div", "blockquote", "b", "table", "ul", "span"])
def test_deep_nesting_keeps_its_text(tag, depth):
    source = f"<{tag}>" * depth + "deep" + f"</{tag}>" * depth + "<p>after</p>"
    text = clean(source, body_format="html").text
    assert "deep" in text
    assert "after" in text


def test_a_long_page_is_read_whole():
    text = clean("<p>Hello there</p>" * 15_000, body_format="html").text
    assert text.count("Hello there") == 15_000


@pytest.mark.parametrize(
    "source", ["<" * 200_000, "<a" * 100_000, "<!--" * 50_000, "<" + "a" * 200_000, "<div " * 40_000]
)
def test_hostile_markup_is_read_in_time(source):
    assert isinstance(clean(source, body_format="html_mail").text, str)
