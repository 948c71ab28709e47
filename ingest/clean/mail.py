"""Part a mail's own words from the thread it quotes and from its signature.

The rules are our own, line by line and without backtracking over the whole mail, because what they cut must be told
apart: quotes between which somebody answers go, the answers stay. Measured in tests/ingest/test_clean_mail.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST_HEADER_LINES = 4
MOST_HEADER_CHARACTERS = 400
MOST_BLOCK_LINES = 9
MOST_SIGNATURES = 6
MOST_SIGNATURE_LINES = 12
MOST_SIGNOFF_LINES = 7
MOST_NAME_LINES = 3
MOST_SIGNATURE_WIDTH = 100
MOST_NAME_WIDTH = 40

LEAST_OWN_CHARACTERS = 100
"""What must stand above a phone's signature before text below it passes for the thread rather than for the reply."""

LEAST_WRAPPED_WIDTH = 70
"""Programs that tear lines do so at 72 to 78 characters (RFC 3676, 4.2)."""

_WROTE_END = re.compile(
    r"(?:\bwrote|\bwrites|\bschrieb\b.*|\ba écrit|\bescribió|\bha scritto|\bescreveu|\bschreef\b.*|\bgeschreven"
    r"|\bskrev\b.*|\bkirjoitti|\bnapisał(?:\(a\)|a)?|\bpisze|\bnapsal\(?a?\)?|\bnapísal\(?a?\)?|\bнаписал\(?а?\)?"
    r"|\bпишет|\bпише|\bнаписав|\byazdı|\bezt írta|\ba scris|\bέγραψε|\bđã viết|כתב|كتب|写道|寫道|のメール|さん"
    r"|작성|[@＠][\w.-]+>?\)?>*)\s?[:：]$",
    re.IGNORECASE,
)
_ON = re.compile(r"(?:On|Am|Le|El|Il|Em|Op|Den|Dne|Dňa|Dnia|W dniu|Pe|La|Στις|Vào) ")
_WROTE_START = re.compile(rf"{_ON.pattern}|في|ב|[^\W\d_]{{2,9}}[.,]{{0,2}} ?\d|\d|[\"“'<]|\S+ \S+(?: \S+)? ?<")
_ADDRESS = re.compile(r"[\w.+-]+[@＠][\w-]")
_CLOCK = re.compile(r"\d[:.]\d\d")
_DIGIT = re.compile(r"\d")
_CLOSING = re.compile(r">+\s?[:：]")
_UNENDED = re.compile(r"On .{10,300}@.{1,80}>\s?wrote")
"""Some programs write no colon."""

_HEADER_WORDS = {
    "from": "from von de da van fra från från od от від kimden lähettäjä feladó 差出人 发件人 寄件者 보낸_사람 de_la",
    "date": "sent date gesendet datum envoyé envoyé_le enviado enviado_el fecha data inviato verzonden sendt dato "
    "skickat wysłano data_wysłania отправлено дата надіслано tarih gönderme_tarihi lähetetty päivämäärä elküldve "
    "odesláno dátum message_du 送信日時 日時 日付 发送时间 日期 寄件日期 보낸_날짜 날짜",
    "to": "to cc bcc an à para a aan til till do komu кому кому kime vastaanottaja címzett kopie copie copie_à "
    "kopia kopi 宛先 收件人 抄送 받는_사람 reply-to",
    "subject": "subject betreff objet sujet asunto assunto oggetto onderwerp emne ämne temat тема konu aihe tárgy "
    "předmět 件名 主题 主題 主旨 제목",
}
_KINDS = {word.replace("_", " "): kind for kind, words in _HEADER_WORDS.items() for word in words.split()}
_FIELD = re.compile(r"[\s*_]{0,6}([^\W\d_][^:：*<>@]{0,20}?)[\s*_]{0,3}[:：][*_]{0,2}")
_FIELD_INSIDE = re.compile(r"\s(Objet|Subject|Betreff)\s?:")

_ORIGINAL = (
    "original message|original email|forwarded message|forwarded mail|reply message|ursprüngliche nachricht"
    "|originalnachricht|original-nachricht|weitergeleitete nachricht|message d'origine|message original"
    "|message transféré|mensaje original|mensaje reenviado|mensagem original|mensagem encaminhada"
    "|messaggio originale|messaggio inoltrato|oorspronkelijk bericht|doorgestuurd bericht|oprindelig meddelelse"
    "|oprindelig besked"
    "|videresendt meddelelse|opprinnelig melding|originalmeddelande|ursprungligt meddelande"
    "|vidarebefordrat meddelande|alkuperäinen viesti|wiadomość oryginalna|oryginalna wiadomość"
    "|исходное сообщение|пересылаемое сообщение|původní zpráva|eredeti üzenet|özgün mesaj|orijinal ileti"
    "|原始邮件|原始郵件|转发邮件|元のメッセージ|원본 메시지"
)
_SEPARATOR = re.compile(
    rf"\W{{2,40}}(?:{_ORIGINAL})\W{{2,40}}|\W{{0,3}}begin forwarded message\s?:?"
    r"|original message processed by .{1,30}",
    re.IGNORECASE,
)
_REPLY_ABOVE = re.compile(
    r"\W{0,8}please type your reply above this line\W{0,8}|-{3,} reply above this line -{3,}", re.I
)
_RULE = re.compile(r"[-_=*─—]{4,}(?: ?[^\n]{3,40} ?[-_=*─—]{4,})?")

_DASHES = re.compile(r"--|—|_{2,}")
_DEVICE = re.compile(
    r"(?:sent|gesendet|envoyé|enviado|inviato|verzonden|skickat|sendt|wysłane|отправлено|odesláno|lähetetty|von)"
    r" (?:from|using|via|by|with|von|mit|aus|depuis|de|à partir|desde|do|con|da|dal|dall|vanaf|met|vanuit|från|fra|z"
    r"|ze|с|из|meinem|mon)\b.{1,70}|get outlook for (?:ios|android|mac).{0,60}|get bluemail for .{1,60}"
    r"|download(?:en|) outlook .{1,60}|.{0,20}(?:iphone|ipad|android)\W{0,2}(?:から送信|gesendet|'?u?m?dan gönderildi)"
    r"|(?:发自我的|從我的).{1,40}|나의 .{1,20}에서 보냄|.{0,20}iphone에서 보냄",
    re.IGNORECASE,
)
_SIGN_OFF = re.compile(
    r"(?:(?:with )?(?:best|kind|kindest|warm|warmest|many)? ?regards|best(?: wishes)?|all the best|cheers"
    r"|(?:yours )?(?:sincerely|truly|faithfully)(?: yours)?|respectfully|rgds|br|kr"
    r"|mit (?:freundlichen|besten|herzlichen|lieben) grü(?:ß|ss)en|(?:viele|liebe|beste|schöne|herzliche) grü(?:ß|ss)e"
    r"|(?:freundliche|beste) grü(?:ß|ss)e|mfg|lg|vg|(?:bien )?cordialement|(?:sincères |meilleures )?salutations"
    r"|bien à vous|un (?:cordial )?saludo|saludos(?: cordiales)?|atentamente|cordialmente|atenciosamente|att"
    r"|abraços|cordiali saluti|distinti saluti|(?:cordiali )?saluti|met (?:vriendelijke|hartelijke) groet(?:en)?"
    r"|groet(?:en|jes)?|mvh|kh|(?:med )?(?:venlig|vennlig|vänlig|bästa) (?:hilsen|hälsning(?:ar)?)|hilsen"
    r"|hälsningar|ystävällisin terveisin|terveisin|pozdrawiam|z poważaniem|s pozdravem|с уважением"
    r"|saygılarımla|üdvözlettel)[ ,.!]{0,3}",
    re.IGNORECASE,
)
_THANKS_OFF = re.compile(
    r"(?:many |best )?(?:thanks|thank you|thx|kthxbai|danke|vielen dank|merci|gracias|obrigad[oa]|grazie|bedankt|tak"
    r"|tack|takk|dziękuję|спасибо)(?: (?:again|so much|very much|in advance|(?:and|&|und|et) .{1,20}))?[ ,.!]{0,3}",
    re.IGNORECASE,
)
_NAME = re.compile(r"[^\W\d_a-zß-ÿ][^\n?!:;]*")
_DASHED_NAME = re.compile(r"[-–—~] ?[^\W\d_a-zß-ÿ][\w.'’-]*(?: [^\W\d_a-zß-ÿ][\w.'’-]*){0,2}")
_BULLET = re.compile(r"\s*[-–—*•] ?\S")
_AFTERTHOUGHT = re.compile(r"p\.? ?s\.?\b|.*\?$", re.IGNORECASE)
_DISCLAIMER = re.compile(
    r"\W{0,3}(?:disclaimer|confidentiality notice|legal notice|this (?:e-?mail|message)\b.{0,60}"
    r"\b(?:confidential|intended|privileged)|the information contained in this (?:e-?mail|message|communication)"
    r"|diese e-?mail\b.{0,60}\bvertraulich|ce (?:message|courriel)\b.{0,60}\bconfidentiel)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class MailParts:
    """A mail's own words, and what was cut: never all of it."""

    text: str
    quoted: str | None
    signature: str | None


def part_mail(text: str) -> MailParts:
    """Cut the quoted thread and the signature from the text of a mail, newlines being plain."""
    lines = text.split("\n")
    if len(lines) == 1:
        return MailParts(text, None, None)
    visible, quoted = _cut_quotes(lines)
    if not _says_something(visible):
        visible, quoted = lines, []
    visible, signature = _cut_signature(visible)
    return MailParts("\n".join(visible).strip(), _block(quoted), _block(signature))


def shows_quote(text: str) -> bool:
    """Say whether text still shows a quote: a line with the mark, or a header above one. For measuring."""
    lines = text.split("\n")
    return any(line.startswith(">") for line in lines) or any(_header_end(lines, at) for at in range(len(lines)))


def _says_something(lines: list[str]) -> bool:
    return any(line.strip() for line in lines)


def _block(lines: list[str]) -> str | None:
    return "\n".join(lines).strip() or None


def _cut_quotes(lines: list[str]) -> tuple[list[str], list[str]]:
    """Sort lines into own and quoted ones.

    Under a header, lines with the mark ">" are the quote, and what follows them is an answer. Where the quote carries
    no marks, it goes on to the end. A block of mail fields above everything else belongs to the mail itself: only the
    fields go.
    """
    visible: list[str] = []
    quoted: list[str] = []
    is_wrapped = any(_is_squeezed(lines, at) and _is_full(lines[at - 1]) for at in range(1, len(lines)))
    at = 0
    while at < len(lines):
        if (
            _is_marked(lines[at])
            or (at and _is_torn(lines[at - 1], quoted))
            or (is_wrapped and _is_squeezed(lines, at))
        ):
            quoted.append(lines[at])
            at += 1
            continue
        end = _header_end(lines, at)
        if end == 0:
            visible.append(lines[at])
            at += 1
            continue
        following = _skip_blank(lines, end)
        if following < len(lines) and _is_marked(lines[following]):
            quoted += lines[at:following]
            at = following
        elif _says_something(visible):
            return visible, quoted + lines[at:]
        else:
            quoted += lines[at:end]
            at = end
    return (visible, quoted) if quoted else _cut_below_device(lines)


def _cut_below_device(lines: list[str]) -> tuple[list[str], list[str]]:
    """Cut the thread that some phones repeat below their signature without any header or mark."""
    for at in range(1, len(lines) - 1):
        is_apart = not lines[at - 1].strip() and not lines[at + 1].strip()
        if is_apart and _DEVICE.fullmatch(lines[at].strip()):
            own = sum(len(line) for line in lines[:at])
            return (lines[: at + 1], lines[at + 1 :]) if own >= LEAST_OWN_CHARACTERS else (lines, [])
    return lines, []


def _is_marked(line: str) -> bool:
    return line.startswith(">") or line.lstrip().startswith(">")


def _is_squeezed(lines: list[str], at: int) -> bool:
    """Say whether a line begins small between two quoted lines, as the torn-off end of the one above does."""
    return (
        0 < at < len(lines) - 1 and lines[at][:1].islower() and _is_marked(lines[at - 1]) and _is_marked(lines[at + 1])
    )


def _is_full(line: str) -> bool:
    """Say whether a quoted line was filled to the brim, and ends within a sentence."""
    return len(line) >= LEAST_WRAPPED_WIDTH and (line[-1:].isalnum() or line.endswith(","))


def _is_torn(above: str, quoted: list[str]) -> bool:
    """Say whether the line above is quoted and was torn off by a soft break (RFC 2045, 6.7) that nobody decoded."""
    return above.endswith("=") and bool(quoted) and quoted[-1] is above


def _skip_blank(lines: list[str], at: int) -> int:
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at


def _header_end(lines: list[str], at: int) -> int:
    """Say behind which line a quote's header ends that begins at this line; 0 where none does."""
    line = lines[at].strip()
    if not line or len(line) > MOST_HEADER_CHARACTERS:
        return 0
    if _SEPARATOR.fullmatch(line) or _REPLY_ABOVE.fullmatch(line):
        return _fields_end(lines, _skip_blank(lines, at + 1), least=2) or at + 1
    if _RULE.fullmatch(line):
        start = _skip_blank(lines, at + 1)
        return _fields_end(lines, start) or (start + 1 if _is_separator(lines, start) else 0)
    return _fields_end(lines, at) or _wrote_end(lines, at)


def _is_separator(lines: list[str], at: int) -> bool:
    return at < len(lines) and _SEPARATOR.fullmatch(lines[at].strip()) is not None


def _wrote_end(lines: list[str], at: int) -> int:
    """Find a header like "On 3 May 2024, Ann <ann@example.com> wrote:", which may be wrapped."""
    if not _WROTE_START.match(lines[at].strip()):
        return 0
    for end in range(at, min(at + MOST_HEADER_LINES, len(lines))):
        line = lines[end].strip()
        if not line or (line.startswith(">") and not _CLOSING.fullmatch(line)):
            return 0
        header = _unwrapped(lines[at : end + 1])
        if len(header) > MOST_HEADER_CHARACTERS:
            return 0
        if _UNENDED.fullmatch(header):
            return end + 1
        if header.endswith((":", "：")):
            return end + 1 if _is_wrote(header, lines, end + 1) and not _begins_later(lines, at, end) else 0
    return 0


def _unwrapped(lines: list[str]) -> str:
    joined = ""
    for line in lines:
        joined = joined[:-1] + line.strip() if joined.endswith("=") else f"{joined} {line.strip()}".strip()
    return joined


def _begins_later(lines: list[str], at: int, end: int) -> bool:
    """Say whether the header begins on a lower line, those above being the writer's own words."""
    return any(
        _ON.match(lines[start]) and _is_wrote(_unwrapped(lines[start : end + 1]), lines, end + 1)
        for start in range(at + 1, end + 1)
    )


def _is_wrote(header: str, lines: list[str], following: int) -> bool:
    """Check the words; without a mark below, only an address or a time of day makes it a mail program's line."""
    if not _WROTE_END.search(header) or not (_DIGIT.search(header) or _ADDRESS.search(header)):
        return False
    below = _skip_blank(lines, following)
    is_marked = below < len(lines) and lines[below].lstrip().startswith(">")
    return is_marked or (_CLOCK.search(header) or _ADDRESS.search(header)) is not None


def _fields_end(lines: list[str], start: int, *, least: int = 3) -> int:
    """Find a block of mail fields (From, Sent, To, Subject, in many languages) and say where it ends.

    A sender and a subject, or an address, must be among them: "From: London / To: Paris / Date: 3 May" is a wish.
    """
    if start >= len(lines) or _kind(lines[start]) is None:
        return 0
    kinds: set[str] = set()
    end = start
    for at in range(start, min(start + MOST_BLOCK_LINES, len(lines))):
        if not lines[at].strip():
            break
        kind = _kind(lines[at])
        if kind is not None:
            kinds.add(kind)
            end = at + 1
        if _FIELD_INSIDE.search(lines[at]):
            kinds.add("subject")
    block = "\n".join(line[:MOST_HEADER_CHARACTERS] for line in lines[start:end])
    is_mail = "from" in kinds and ("subject" in kinds or _ADDRESS.search(block) is not None)
    return end if is_mail and len(kinds) >= least else 0


def _kind(line: str) -> str | None:
    field = _FIELD.match(line)
    return _KINDS.get(field[1].strip().casefold()) if field else None


def _cut_signature(lines: list[str]) -> tuple[list[str], list[str]]:
    """Cut what stands below the last words, as often as something does, but never all."""
    signature: list[str] = []
    for _ in range(MOST_SIGNATURES):
        start = _signature_start(lines)
        if start is None or not _says_something(lines[:start]):
            break
        signature = lines[start:] + signature
        lines = lines[:start]
    return lines, signature


def _signature_start(lines: list[str]) -> int | None:
    filled = [at for at, line in enumerate(lines) if line.strip()]
    if not filled:
        return None
    for at in filled[-MOST_SIGNATURE_LINES:]:
        if _DISCLAIMER.match(lines[at].strip()):
            return at
    for at in reversed(filled[-MOST_SIGNATURE_LINES:]):
        below = [lines[place].strip() for place in filled if place > at]
        if _starts_signature(lines[at].strip(), below):
            return at
    return filled[-1] if _ends_in_dashed_name(lines, filled[-1]) else None


def _ends_in_dashed_name(lines: list[str], at: int) -> bool:
    """Say whether the last line is "-Ann Example", apart from what stands above, and no item of a list."""
    is_apart = at > 0 and not lines[at - 1].strip()
    return (
        is_apart
        and len(lines[at]) <= MOST_NAME_WIDTH
        and _DASHED_NAME.fullmatch(lines[at].strip()) is not None
        and not any(_BULLET.match(line) for line in lines[:at])
    )


def _starts_signature(line: str, below: list[str]) -> bool:
    if _DASHES.fullmatch(line):
        return not any(_AFTERTHOUGHT.match(other) for other in below)
    if not below and len(line) <= MOST_SIGNATURE_WIDTH and _DEVICE.fullmatch(line):
        return True
    if _SIGN_OFF.fullmatch(line):
        return len(below) <= MOST_SIGNOFF_LINES and all(_is_signature_line(other) for other in below)
    if _THANKS_OFF.fullmatch(line):
        return 1 <= len(below) <= MOST_NAME_LINES and all(_is_name(other) for other in below)
    return False


def _is_signature_line(line: str) -> bool:
    return len(line) <= MOST_SIGNATURE_WIDTH and not _AFTERTHOUGHT.match(line)


def _is_name(line: str) -> bool:
    return len(line) <= MOST_NAME_WIDTH and _NAME.fullmatch(line) is not None and len(line.split()) <= 4
