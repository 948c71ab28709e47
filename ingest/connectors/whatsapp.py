"""WhatsApp: a chat's text as the app exports it, from iPhones (`_chat.txt`) and Android, with or without its media.

To get it: open the chat, tap its name (or the menu, "More"), "Export chat", "Without media"; drop in the .txt or the
.zip. Each file is one chat, and one conversation; from 500 turns on, a silence of seven days starts a new one. The
order of day and month is learnt from the whole file; where it cannot be, times stay unread and the turns keep their
order.

WhatsApp names no roles. A mapping's [roles] decides ("Anna Example" = "agent"); else the chat is named after the
customer; who deleted a message "by you" owns the phone and is the agent, as is a name with a word for it ("Lindwurm
Support"); numbers and "~ Name" are no contacts of the phone and customers; of two, the other is the other. Whose role
nothing tells stands as a customer, and the conversation says so.

Not read: media, and what the export does not hold: ids, a time zone (UTC is assumed), reactions, what was deleted, who
edited when, whether a greeting was sent by the app. Notices of the app are internal events, known by their missing
writer or the mark U+200E; media are named, never opened. Unconfirmed: notices and media in other languages than
English, German, Spanish, French, Portuguese, Italian, Dutch and Russian stay in the text as they are. `formats.md` 3.4
lists the headers seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from ingest.connector import Connector, Evidence, Reading
from ingest.keys import key
from ingest.mapping import Mapping
from ingest.records import Attachment, Conversation, Participant, Record, Reject, Role, Turn
from ingest.sessions import CHAT, sessions
from ingest.source import Sample, SourceFile
from ingest.speakers import Speaker, note_on_roles, role_in_name, settle, with_roles
from ingest.whatsapp_lines import DayOrder, Entry, Line, entries, is_cut_off, style_of, without_marks
from ingest.words import speaker_of

SAMPLED_LINES = 500
MARKED, UNMARKED = 0.97, 0.9
FEWEST_ENTRIES = 2
LOG_LEVELS = frozenset({"info", "warn", "warning", "error", "debug", "trace", "fatal", "critical", "notice", "verbose"})
DIRECTED = "\u200e"
"""What iPhones put before a text that the app wrote: notices, media, "This message was deleted"."""

_NAMED = re.compile(
    r"(?i).*whatsapp.*?(?: with | mit | con | com | avec | met | - )(?P<name>.+?)(?: ?\(\d+\))?(?:\.txt|\.zip)?"
)
_NOTICE = re.compile(
    r"(?i)end-to-end encrypted|ende-zu-ende-verschlüsselt|de extremo a extremo|de bout en bout|de ponta a ponta"
    r"|ponto a ponto|end-to-end|сквозным шифрованием|端到端|エンドツーエンド|uçtan uca"
)
_OMITTED = re.compile(
    r"(?i)<[^<>\n]{0,40}(?:omitted|ausgeschlossen|omitid[oa]s?|omis(?:es?)?|ocult(?:ad)?[oa]s?|omess[aoi]|weggelaten"
    r"|без медиафайлов)[^<>\n]{0,10}>"
    r"|(?P<kind>image|photo|video note|video|audio|gif|sticker|document|contact card|bild|foto|dokument|kontaktkarte"
    r"|imagen|imagem|immagine|afbeelding|vidéo|vídeo|documento?|изображение|видео|аудио)"
    r" (?:omitted|weggelassen|omitid[oa]s?|ocultad[oa]s?|absente?|omess[oa]|weggelaten"
    r"|отсутству[её]т)\.?(?=\n|$)"
)
_ATTACHED = re.compile(
    r"(?i)<(?:attached|angehängt|adjunto|pièce jointe|anexado|allegato|bijgevoegd|вложено) ?: ?(?P<inside>[^<>\n]+)>"
    r"|^(?P<before>[^\n<>:\"/\\|]{1,120}\.\w{2,5}) \((?:file attached|datei angehängt|archivo adjunto|fichier joint"
    r"|arquivo anexado|file allegato|bestand bijgevoegd|файл добавлен)\)"
)
_OWN_DELETED = re.compile(
    r"(?i)(?:you deleted this message|du hast diese nachricht gelöscht|eliminaste este mensaje"
    r"|vous avez supprimé ce message|você apagou esta mensagem|hai eliminato questo messaggio"
    r"|je hebt dit bericht verwijderd|вы удалили (?:это|данное) сообщение)\.?"
)
_DELETED = re.compile(
    r"(?i)(?:this message was deleted|diese nachricht wurde gelöscht|se eliminó este mensaje"
    r"|este mensaje fue eliminado|ce message a été supprimé|essa mensagem foi apagada|mensagem apagada"
    r"|esta mensagem foi (?:apagada|eliminada)|questo messaggio è stato eliminato|dit bericht is verwijderd"
    r"|(?:это|данное) сообщение удалено)\.?"
)
_EDITED = re.compile(
    r"(?i)\s*\u200e?<[^<>\n]{0,40}(?:edited|bearbeitet|editó|editad[oa]|modifié|modificato|bewerkt|изменено)"
    r"[^<>\n]{0,10}>\s*$"
)
_SPOKEN_NOTICE = re.compile(r"(?i)(?:location|standort|ubicación|position|localização|posizione|poll|umfrage|https?)\b")
_PAGES = re.compile(r"[^\n]* • \u200e[^\n]*$")
"""What iPhones write before a document's file: its name and its pages."""

_PHONE = re.compile(r"\+?[\d\s\u00a0().-]{7,22}")


class WhatsApp:
    """Read WhatsApp chats."""

    name = "whatsapp"
    title = "WhatsApp (exported chats, iPhone and Android)"
    version = 1
    grouped = False
    mapped = True

    def detect(self, sample: Sample) -> Evidence | None:
        """Believe in a file that starts with a header; names with role words, and logs, are others'."""
        lines = [line for line in _sampled(sample) if line[1].strip()]
        style = style_of(lines[0][1]) if lines else None
        if style is None:
            return None
        found = [entry for entry in entries(lines) if isinstance(entry, Entry)]
        if _chat_name(sample.name) or sample.name == "_chat.txt" or any(_is_typical(entry) for entry in found):
            return Evidence(MARKED, ("headers with date, time and name, and what WhatsApp names its files or media",))
        writers = {entry.who for entry in found if entry.who}
        opens, mark, separator, *_ = style
        is_usual = bool(opens) or separator == "-" or mark == "."
        spoken = sum(entry.who is not None for entry in found)
        if len(found) < FEWEST_ENTRIES or 2 * spoken < len(found) or not is_usual or any(map(_is_word, writers)):
            return None
        return Evidence(UNMARKED, ("headers with date, time and name from the first line on",))

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give the chats of the files."""
        for recognised in reading.files:
            yield from _Chat(recognised.file, reading.mapping).records()


CONNECTOR: Connector = WhatsApp()


def _sampled(sample: Sample) -> list[Line]:
    text = sample.text or ""
    complete = text if sample.is_whole else text[: text.rfind("\n") + 1]
    lines = [line.removesuffix("\r") for line in complete.split("\n")[:SAMPLED_LINES]]
    return list(enumerate(lines, start=1))


def _is_word(who: str) -> bool:
    return bool(speaker_of(who)) or who.casefold() in LOG_LEVELS


def _is_typical(entry: Entry) -> bool:
    text = entry.text
    said = without_marks(text)
    is_own = text.startswith(DIRECTED) or entry.who is None
    return bool(
        (_NOTICE.search(text) and is_own)
        or _OMITTED.fullmatch(said)
        or _ATTACHED.match(said)
        or _DELETED.fullmatch(said)
        or _OWN_DELETED.fullmatch(said)
    )


def _chat_name(file_name: str) -> str | None:
    found = _NAMED.fullmatch(PurePath(file_name).name)
    return found["name"].strip() if found else None


@dataclass(slots=True)
class _Chat:
    """One file on its way through the connector, read twice: to learn, and to give."""

    file: SourceFile
    mapping: Mapping | None
    order: DayOrder = field(default_factory=DayOrder)
    speakers: dict[str, Speaker] = field(default_factory=dict[str, Speaker])
    name: str | None = None
    """What the chat is called: a contact's name, or a group's."""
    owner: str | None = None

    def records(self) -> Iterator[Record]:
        """Give the chat's conversations, and a reject for what cannot be read."""
        self._survey()
        people = settle(self._told(), self.mapping)
        rejects: list[Reject] = []
        last: Conversation | None = None
        for turns in sessions(self._turns(rejects), CHAT):
            if last:
                yield last
            last = self._conversation(turns, people)
        is_cut = any(reject.code == "truncated" for reject in rejects)
        if last:
            yield replace(last, completeness="truncated_body") if is_cut else last
        yield from rejects
        if not last and not rejects:
            yield Reject("file", "no_turns", "no line starts with a date, a time and a name", source_uri=self.file.uri)

    def _survey(self) -> None:
        self.name = _chat_name(self.file.name) or (_chat_name(self.file.path.name) if self.file.member else None)
        for entry in entries(self._lines([])):
            if not isinstance(entry, Entry):
                continue
            self.order.learn(entry.stamp)
            if entry.who is None:
                continue
            if self._is_notice(entry):
                self.name = self.name or entry.who
                continue
            if _OWN_DELETED.fullmatch(without_marks(entry.text)):
                self.owner = entry.who
            self.speakers.setdefault(entry.who, _speaker(entry))

    def _is_notice(self, entry: Entry) -> bool:
        """Tell what iPhones write under a chat's name though nobody said it."""
        said = without_marks(entry.text)
        if not entry.text.startswith(DIRECTED):
            return False
        is_said = any(pattern.match(said) for pattern in (_OMITTED, _ATTACHED, _DELETED, _OWN_DELETED, _SPOKEN_NOTICE))
        return not is_said and not _ATTACHED.search(said)

    def _told(self) -> Iterator[Speaker]:
        """Give the writers with the roles that the chat itself tells."""
        for who, speaker in self.speakers.items():
            role = speaker.role
            if who == self.owner:
                role = "agent"
            elif self.name and who.casefold() == self.name.casefold():
                role = "customer"
            yield replace(speaker, role=role)

    def _lines(self, rejects: list[Reject]) -> Iterator[Line]:
        """Give the readable lines; a last one that breaks off within a header is a reject."""
        held: Line | None = None
        for number, line in self.file.lines():
            if isinstance(line, Reject):
                rejects.append(line)
                continue
            if held:
                yield held
            held = number, line
        if held and (self._is_broken(held[1]) and not _ends_in_newline(self.file)):
            detail = "the file ends in the middle of a line"
            rejects.append(Reject(f"line {held[0]}", "truncated", detail, raw=held[1], source_uri=self.file.uri))
        elif held:
            yield held

    def _is_broken(self, line: str) -> bool:
        if is_cut_off(line) or style_of(line) is None:
            return is_cut_off(line)
        (found,) = entries([(1, line)])
        name = without_marks(found.text) if isinstance(found, Entry) and found.who is None else ""
        return bool(name) and any(who.startswith(name) for who in self.speakers)

    def _turns(self, rejects: list[Reject]) -> Iterator[Turn]:
        for entry in entries(self._lines(rejects)):
            if isinstance(entry, Entry):
                yield self._turn(entry)
            else:
                number, line = entry
                detail = "it stands before the first line with a date, a time and a name"
                rejects.append(Reject(f"line {number}", "bad_record", detail, raw=line, source_uri=self.file.uri))

    def _turn(self, entry: Entry) -> Turn:
        at, place = entry.stamp.read(self.order.decided), f"line {entry.number}"
        custom: dict[str, object] = {"time": entry.stamp.raw}
        if entry.who is None or self._is_notice(entry):
            text = without_marks(entry.text)
            return Turn("system", text, created_at=at, kind="event", visibility="internal", place=place, custom=custom)
        text = _EDITED.sub("", entry.text)
        if text != entry.text:
            custom["edited"] = True
        said = without_marks(text)
        is_deleted = bool(_DELETED.fullmatch(said) or _OWN_DELETED.fullmatch(said))
        text, attachments = ("", ()) if is_deleted else _media(said)
        return Turn(
            "customer", text, author=entry.who, created_at=at, is_deleted=is_deleted, place=place,
            attachments=attachments, custom=custom,
        )  # fmt: skip

    def _conversation(self, turns: list[Turn], people: dict[str, Participant]) -> Conversation:
        present = {turn.author for turn in turns}
        here = tuple(person for who, person in people.items() if who in present)
        first = next((turn for turn in turns if turn.author), None)
        spoken = any(turn.kind == "message" for turn in turns)
        custom = {**({"chat": self.name} if self.name else {}), **note_on_roles(here)}
        return Conversation(
            self._identity(first) if first else None,
            with_roles(turns, people), turns[0].place, here, source_uri=self.file.uri, channel="chat",
            channel_raw="whatsapp", created_at=turns[0].created_at, updated_at=turns[-1].created_at,
            completeness="complete" if spoken else "events_only", custom=custom,
        )  # fmt: skip

    def _identity(self, first: Turn) -> str:
        """Name a conversation by its first words' writer and time and by the chat: one text may go to many at once."""
        others = (who for who in self.speakers if who != first.author)
        return key("whatsapp", str(first.custom["time"]), first.author or "", self.name or next(others, ""))


def _speaker(entry: Entry) -> Speaker:
    """Give a writer with what the name tells: a word for a role, or that they are no contact of the phone."""
    who = entry.who or ""
    phone = who if _PHONE.fullmatch(who) else None
    role: Role = "unknown" if phone else role_in_name(who)
    if role == "unknown" and (phone or entry.is_unsaved):
        role = "customer"
    return Speaker(who, None if phone else who, role, phone=phone)


def _media(text: str) -> tuple[str, tuple[Attachment, ...]]:
    """Take the names of media out of a text; an empty message is one that the export does not hold."""
    attachments: list[Attachment] = []
    if whole := _OMITTED.match(text):
        kind = whole["kind"]
        attachments.append(Attachment(media_type=kind.casefold() if kind else None, is_omitted=True))
        text = text[whole.end() :]
    if named := _ATTACHED.search(text):
        attachments.append(Attachment((named["inside"] or named["before"]).strip()))
        text = _PAGES.sub("", text[: named.start()]) + text[named.end() :]
    if not text.strip() and not attachments:
        attachments.append(Attachment(is_omitted=True))
    return without_marks(text), tuple(attachments)


def _ends_in_newline(file: SourceFile) -> bool:
    last = b""
    with file.open_utf8() as stream:
        while chunk := stream.read(1024 * 1024):
            last = chunk
    return last.endswith(b"\n")
