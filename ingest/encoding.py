"""Tell the encoding of a file from its bytes, and carry any encoding into UTF-8 without mangling what is damaged."""

from __future__ import annotations

import codecs
import io
import re
from typing import BinaryIO

BINARY = "binary"

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is a prefix of it
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

BINARY_MAGIC = (b"PK\x03\x04", b"PAR1", b"\x1f\x8b", b"\x89PNG", b"%PDF", b"\xff\xd8\xff", b"SQLite format 3\0")

CONTROL_SHARE = 0.05
"""Text holds next to no control characters; random bytes hold a tenth."""

NUL_SHARE = 0.3
"""UTF-16 of Western text has a NUL in every second byte; of Chinese, hardly any: that needs its mark."""

CONTROLS = bytes(code for code in range(32) if chr(code) not in "\t\n\v\f\r\x1b")

ESCAPED = re.compile("[\udc00-\udcff]")
"""What a byte that could not be decoded becomes."""

GUESSED_BYTES = 64 * 1024
CENTRAL = ["cp1250", "iso8859_2"]
NON_LATIN = [
    "gb18030", "big5", "shift_jis", "euc_jp", "euc_kr", "cp1251", "koi8_r", "cp1253", "cp1255", "cp1256",
]  # fmt: skip

FOREIGN = re.compile(r"[^\x00-\x7f]")
FOREIGN_RUN = re.compile(r"[^\x00-\x7f]{3,}")
SIGN_IN_WORD = re.compile(r"(?<=[a-z\xe0-\xff])[\xa1-\xbf\u0152-\u0178\ufffd](?=[a-z\xe0-\xff])")
SIGN_SHARE = 0.1
RUN_SHARE = 0.5


def escape_bytes(error: UnicodeError) -> tuple[str, int]:
    """Keep each byte that cannot be decoded as the surrogate U+DC00 + byte, so that nothing passes unseen."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    damaged = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + byte) for byte in damaged), error.end


codecs.register_error("chatmill.escape", escape_bytes)


def detect_encoding(head: bytes, *, is_whole: bool) -> str:
    """Name the encoding of a file that starts with `head`: a codec's name, or "binary" for what is no text.

    In order: a byte order mark; NULs in every second byte (UTF-16); UTF-8, also when a few bytes are broken;
    another code page that charset-normalizer is sure of; else cp1252, which Windows programs write in the West.
    """
    for mark, name in MARKS:
        if head.startswith(mark):
            return name
    if head.startswith(BINARY_MAGIC):
        return BINARY
    wide = _utf16_without_mark(head)
    if wide:
        return wide
    if len(head) - len(head.translate(None, CONTROLS)) > len(head) * CONTROL_SHARE:
        return BINARY
    if _is_mostly_utf8(head, is_whole=is_whole):
        return "utf-8"
    return _legacy(head)


def decode_head(head: bytes, encoding: str, *, is_whole: bool) -> str | None:
    """Decode the start of a file, leaving off a character that it cuts in two; None for what is no text."""
    if encoding == BINARY:
        return None
    decoder = codecs.getincrementaldecoder(encoding)("chatmill.escape")
    return decoder.decode(head, final=is_whole)


def is_damaged(text: str) -> bool:
    """Tell whether text holds bytes that could not be decoded."""
    return not text.isascii() and ESCAPED.search(text) is not None


def _utf16_without_mark(head: bytes) -> str | None:
    pairs = len(head) // 2
    if pairs == 0:
        return None
    even, odd = head[0::2].count(0) / pairs, head[1::2].count(0) / pairs
    if odd > NUL_SHARE and even < CONTROL_SHARE:
        return "utf-16-le"
    if even > NUL_SHARE and odd < CONTROL_SHARE:
        return "utf-16-be"
    return None


def _is_mostly_utf8(head: bytes, *, is_whole: bool) -> bool:
    text = decode_head(head, "utf-8", is_whole=is_whole) or ""
    if text.isascii():
        return True
    damaged = len(ESCAPED.findall(text))
    foreign = sum(1 for character in text if not character.isascii()) if damaged else 1
    return damaged * 2 < foreign


def _legacy(head: bytes) -> str:
    """Tell cp1252 from the code pages that betray themselves: others are asked of charset-normalizer.

    Western text has its odd letter between plain ones; Russian, Greek or Japanese runs of high bytes; Central European
    text read as cp1252 has signs (`³`, `¿`) inside its words.
    """
    western = head.decode("cp1252", "replace")
    foreign = len(FOREIGN.findall(western))
    if len(SIGN_IN_WORD.findall(western)) > foreign * SIGN_SHARE:
        return _best(head, CENTRAL)
    if sum(map(len, FOREIGN_RUN.findall(western))) > foreign * RUN_SHARE:
        return _best(head, NON_LATIN)
    return "cp1252"


def _best(head: bytes, candidates: list[str]) -> str:
    from charset_normalizer import from_bytes  # slow to import, and seldom needed

    best = from_bytes(head[:GUESSED_BYTES], cp_isolation=candidates).best()
    return best.encoding if best else "cp1252"


class Utf8Stream(io.RawIOBase):
    """Give a stream of any encoding as UTF-8 bytes; damaged bytes become surrogates, which are no valid UTF-8."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("chatmill.escape")
        self._pending = b""
        self._is_done = False

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride] - the stub's Buffer cannot be sliced
        """Fill the buffer with UTF-8."""
        while not self._pending and not self._is_done:
            chunk = self._stream.read(len(buffer))
            self._is_done = not chunk
            text = self._decoder.decode(chunk, final=self._is_done)
            self._pending = text.encode("utf-8", "surrogatepass")
        size = min(len(buffer), len(self._pending))
        buffer[:size] = self._pending[:size]
        self._pending = self._pending[size:]
        return size

    def close(self) -> None:
        """Close the stream beneath, too."""
        if not self.closed:
            self._stream.close()
        super().close()
