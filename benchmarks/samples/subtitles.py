"""Write sample_logs/subtitles: calls as a meeting program, a recorder and a captioning service write them down."""

from samples.book import Book
from samples.chance import Chance
from samples.studio import Dialogue, Setting, Studio

SEED = 26_110_005
SPOKEN = Setting(pace=(2, 9))
WORDS_PER_CUE = 7
SECONDS_PER_WORD = 0.4


def write_subtitles(book: Book) -> None:
    """Write one file a call."""
    studio = Studio(Chance(SEED))
    calls = sorted(studio.many({"en": 5, "de": 1}, SPOKEN), key=lambda call: call.scene.language == "de")
    book.text("subtitles/GMT20260311-091500_Recording.transcript.vtt", _recorder(calls[0]))
    book.text("subtitles/GMT20260312-141000_Recording.transcript.vtt", _recorder(calls[1]))
    book.text("subtitles/meeting_0417.vtt", _meeting(calls[2]))
    book.text("subtitles/meeting_0418.vtt", _meeting(calls[3]))
    book.text("subtitles/rolling.vtt", _rolling(calls[4]))
    book.text("subtitles/anruf_2231.srt", _subrip(calls[5]))


Cue = tuple[float, float, str, str]
"""Start, end, speaker and words."""


def _cues(dialogue: Dialogue) -> list[Cue]:
    """Cut what is said into cues of some words, one after another."""
    cues: list[Cue] = []
    at = 1.5
    for line in dialogue.lines:
        words = line.text.split()
        who = dialogue.customer.full if line.role == "customer" else f"{dialogue.agent} (Agent)"
        for start in range(0, len(words), WORDS_PER_CUE):
            said = words[start : start + WORDS_PER_CUE]
            end = at + len(said) * SECONDS_PER_WORD
            cues.append((at, end, who, " ".join(said)))
            at = end + 0.2
        at += 2.5
    return cues


def _clock(seconds: float, point: str = ".") -> str:
    whole = round(seconds * 1000)
    minutes, rest = divmod(whole, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"


def _recorder(dialogue: Dialogue) -> str:
    """Number the cues and put the speaker's name before each."""
    blocks = [
        f"{number}\n{_clock(start)} --> {_clock(end)}\n{who}: {words}\n"
        for number, (start, end, who, words) in enumerate(_cues(dialogue), 1)
    ]
    return "WEBVTT\n\n" + "\n".join(blocks)


def _meeting(dialogue: Dialogue) -> str:
    """Give the cues ids and voice tags."""
    blocks = [
        f"0c0ffee0-0000-4000-8000-000000000417/{number}-0\n{_clock(start)} --> {_clock(end)}\n<v {who}>{words}</v>\n"
        for number, (start, end, who, words) in enumerate(_cues(dialogue), 1)
    ]
    return "\ufeffWEBVTT\n\nNOTE\nlanguage: en-gb\n\n" + "\n".join(blocks)


def _rolling(dialogue: Dialogue) -> str:
    """Repeat each line above the next one, with a time at each word of the new one."""
    blocks: list[str] = []
    before = ""
    for start, end, who, words in _cues(dialogue):
        first, *rest = f"{who}: {words}".split(" ")
        timed = first + "".join(f"<{_clock(start + at * 0.1)}><c> {word}</c>" for at, word in enumerate(rest, 1))
        above = f"{before}\n" if before else ""
        blocks.append(f"{_clock(start)} --> {_clock(end)} align:start position:0%\n{above}{timed}\n")
        before = f"{who}: {words}"
    return "WEBVTT\nKind: captions\nLanguage: en\n\n" + "\n".join(blocks)


def _subrip(dialogue: Dialogue) -> str:
    """Write SubRip with role words in German."""
    blocks: list[str] = []
    for number, (start, end, who, words) in enumerate(_cues(dialogue), 1):
        name = "Mitarbeiter" if who.endswith("(Agent)") else "Kunde"
        blocks.append(f"{number}\n{_clock(start, ',')} --> {_clock(end, ',')}\n{name}: {words}\n")
    return "\n".join(blocks)
