"""Turn HTML into text that keeps the order and blocks a reader sees: paragraphs, lists, rows, quotes.

One walk over the tree, without recursion. What no reader sees (scripts, styles, hidden preheaders) is left out.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

MOST_DEPTH = 2_000
"""The parser's time grows with the square of the depth (20,000 levels took 0.35 s, 200,000 took 83 s); no mail needs
more than some hundred levels, so deeper markup has its tags stripped instead."""

MOST_INDENT = 10

LONGEST_ADDRESS = 200
"""Longer link addresses are tracking codes, which say nothing to a reader."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


UNSEEN = _words("head script style title template noscript svg object iframe audio video canvas map select textarea")
PARAGRAPHS = _words("p h1 h2 h3 h4 h5 h6 ul ol dl table blockquote pre figure")
BLOCKS = PARAGRAPHS | _words(
    "div section article header footer main aside nav address form fieldset li dt dd tr caption thead tbody tfoot "
    "hr center details summary figcaption"
)
DIVIDER_IDS = _words(
    "divrplyfwdmsg stopspelling ec_stopspelling olk_src_body_section replysplit appendonsend "
    "mail-editor-reference-message-container"
)
DIVIDER_CLASSES = _words("yahoo_quoted ms-outlook-mobile-reference-message zmail_extra protonmail_quote tutanota_quote")
"""Where Outlook, Hotmail, Yahoo, Zoho, Proton and Tuta begin the thread that they repeat below the reply."""

_MARKUP = re.compile(r"<[A-Za-z/!]")
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]*+)[^<>]*+>")
_DROPPED = re.compile(r"(?is)<(script|style|head|title)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)")
_SPACES = re.compile(r"[ \t\n\r\f]+")
_HIDDEN = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all", re.IGNORECASE)
_DIVIDER_STYLE = re.compile(
    r"border-top\s*:\s*solid\s+#(?:b5c4df|e1e1e1)|border-top-color\s*:\s*rgb\(229,\s*229,\s*229\)", re.IGNORECASE
)
_NOT_NESTING = _words("p li td th tr dt dd option br img hr input meta link area base col embed source track wbr")


@dataclass(frozen=True, slots=True)
class HtmlText:
    """The text of a page, and of what its mail program repeated below the reply, where it marked that."""

    text: str
    quoted: str = ""


def is_markup(text: str) -> bool:
    """Say whether text that is called HTML holds any."""
    return _MARKUP.search(text) is not None


def html_to_text(source: str, *, mail: bool = False) -> HtmlText:
    """Read HTML as text.

    With `mail`, quotes get the "> " of plain mail, so that they are told from the reply by the same rules, and what
    follows a mail program's divider comes apart.
    """
    if not is_markup(source):
        return HtmlText(html.unescape(source) if "&" in source else source)
    if _is_too_deep(source):
        return HtmlText(_strip_tags(source))
    tree = LexborHTMLParser(source)
    writer = _Writer(mail)
    start = tree.body or tree.root
    if start is not None:
        _walk(start, writer)
    return writer.result()


def _is_too_deep(source: str) -> bool:
    if source.count("<") <= MOST_DEPTH:
        return False
    depth = 0
    for closing, name in _TAG.findall(source):
        if name.lower() in _NOT_NESTING:
            continue
        depth = max(0, depth - 1) if closing else depth + 1
        if depth > MOST_DEPTH:
            return True
    return False


def _strip_tags(source: str) -> str:
    def space(tag: re.Match[str]) -> str:
        name = tag[2].lower()
        return "\n" if name in BLOCKS or name == "br" else ""

    return html.unescape(_TAG.sub(space, _DROPPED.sub("", source)))


def _walk(start: LexborNode, writer: _Writer) -> None:
    """Visit every node in document order; a node is left after its children."""
    node, depth = start, 0
    while True:
        child = node.child if writer.enter(node) else None
        if child is not None:
            node, depth = child, depth + 1
            continue
        while True:
            writer.leave(node)
            if depth == 0:
                return
            if node.next is not None:
                node = node.next
                break
            parent = node.parent
            if parent is None:
                return
            node, depth = parent, depth - 1


@dataclass(slots=True)
class _Writer:
    """Lines in the making."""

    mail: bool
    lines: list[str] = field(default_factory=list[str])
    line: list[str] = field(default_factory=list[str])
    blank_lines: int = 0
    blank_quotes: int = 0
    """How deep in quotes the pending blank line stands: as deep as the shallower of its neighbours."""
    is_new_cell: bool = False
    marker: str = ""
    quotes: int = 0
    pre: int = 0
    lists: list[int] = field(default_factory=list[int])
    """The next number of each open list; 0 for lists without numbers."""
    links: list[tuple[str, int, int]] = field(default_factory=list[tuple[str, int, int]])
    reply: int | None = None
    """How many lines stand before the mail program's divider."""

    def result(self) -> HtmlText:
        self._end_line()
        above = self.lines if self.reply is None else self.lines[: self.reply]
        below = [] if self.reply is None else self.lines[self.reply :]
        return HtmlText("\n".join(above), "\n".join(below))

    def enter(self, node: LexborNode) -> bool:
        """Write what stands at the start of a node, and say whether its children are to be visited."""
        tag = node.tag
        if tag == "-text":
            self._add(node.text_content or "")
            return False
        if tag is None or tag in UNSEEN or tag == "-comment":
            return False
        attributes = node.attributes
        if attributes and ("hidden" in attributes or _HIDDEN.search(attributes.get("style") or "")):
            return False
        if self.mail and self.reply is None and attributes:
            self._divide(attributes)
        self._open(tag, attributes)
        return True

    def leave(self, node: LexborNode) -> None:
        """Write what stands at the end of a node."""
        tag = node.tag or ""
        if tag == "a" and self.links:
            self._close_link(*self.links.pop())
        elif tag in ("ul", "ol") and self.lists:
            self.lists.pop()
        if tag in BLOCKS:
            self._boundary(tag)
        if tag == "blockquote" and self.quotes:
            self.quotes -= 1
            self.blank_quotes = min(self.blank_quotes, self.quotes)
        elif tag == "pre" and self.pre:
            self.pre -= 1

    def _open(self, tag: str, attributes: dict[str, str | None]) -> None:
        if tag in BLOCKS:
            self._boundary(tag)
        if tag == "br":
            self._break()
        elif tag == "a":
            self.links.append((attributes.get("href") or "", len(self.lines), len(self.line)))
        elif tag == "img":
            self._add(attributes.get("alt") or "")
        elif tag in ("td", "th"):
            self.is_new_cell = True
        elif tag in ("ul", "ol"):
            self.lists.append(1 if tag == "ol" else 0)
        elif tag == "li":
            self._open_item()
        elif tag == "blockquote" and self.mail:
            self.quotes += 1
        elif tag == "pre":
            self.pre += 1

    def _open_item(self) -> None:
        number = self.lists[-1] if self.lists else 0
        if number:
            self.lists[-1] += 1
        self.marker = "  " * min(len(self.lists) - 1, MOST_INDENT) + (f"{number}. " if number else "- ")

    def _close_link(self, address: str, lines: int, start: int) -> None:
        shown = "".join(self.line[start:]).strip() if lines == len(self.lines) else ""
        kind, _, rest = address.strip().partition(":")
        if not shown or kind.lower() not in ("http", "https", "mailto", "tel") or len(address) > LONGEST_ADDRESS:
            return
        plain = rest.strip("/").removeprefix("www.")
        if plain.casefold() not in shown.casefold():
            self._add(f" ({address.strip() if kind.lower().startswith('http') else rest})")

    def _divide(self, attributes: dict[str, str | None]) -> None:
        names = (attributes.get("class") or "").lower().split()
        identity = (attributes.get("id") or "").lower().removeprefix("x_")
        if (
            identity in DIVIDER_IDS
            or not DIVIDER_CLASSES.isdisjoint(names)
            or attributes.get("data-marker") in ("__DIVIDER__", "__QUOTED_TEXT__")
            or _DIVIDER_STYLE.search(attributes.get("style") or "")
        ):
            self._end_line()
            if any(line and not line.startswith(">") for line in self.lines):
                self.reply = len(self.lines)

    def _add(self, text: str) -> None:
        if self.pre:
            first, *more = text.split("\n")
            self._put(first)
            for line in more:
                self._break()
                self._put(line)
            return
        self._put(_SPACES.sub(" ", text))

    def _put(self, text: str) -> None:
        if not text.strip():
            if text and self.line:
                self.line.append(" ")
            return
        if not self.line:
            self._start_line()
            text = text if self.pre else text.lstrip(" ")
        elif self.is_new_cell:
            self.line.append(" | ")
        self.is_new_cell = False
        self.line.append(text)

    def _start_line(self) -> None:
        quote = "> " * min(self.quotes, MOST_INDENT)
        if self.lines:
            self.lines.extend([("> " * min(self.blank_quotes, MOST_INDENT)).rstrip()] * self.blank_lines)
        self.blank_lines = 0
        self.line.append(quote + self.marker)
        self.marker = ""

    def _end_line(self) -> None:
        if self.line:
            self.lines.append(_joined(self.line))
            self.line = []

    def _break(self) -> None:
        if self.line:
            self._end_line()
        elif self.lines:
            self.lines.append(("> " * min(self.quotes, MOST_INDENT)).rstrip())

    def _boundary(self, tag: str) -> None:
        """End the line where a block begins or ends; around paragraphs stands a blank line, but not inside lists."""
        self._end_line()
        self.is_new_cell = False
        if tag in PARAGRAPHS and not (self.lists or self.marker):
            trailing = 1 if self.lines and not self.lines[-1].strip("> ") else 0
            self.blank_quotes = min(self.blank_quotes, self.quotes) if self.blank_lines else self.quotes
            self.blank_lines = max(self.blank_lines, 1 - trailing)


def _joined(parts: list[str]) -> str:
    """Join the parts of a line; spaces at their seams count once."""
    joined: list[str] = []
    for part in parts:
        seam = bool(joined) and joined[-1].endswith(" ") and part.startswith(" ")
        joined.append(part.lstrip(" ") if seam else part)
    return "".join(joined).rstrip()
