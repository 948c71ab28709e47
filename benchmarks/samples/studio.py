"""Cast scenes with people: phrased, filled in, timed, and set about with what real exports have around the talk."""

from dataclasses import dataclass, replace
from functools import partial

from samples.chance import Chance
from samples.fill import Filler, Planted
from samples.people import Person, people
from samples.script import Scene, scenes

FIRST, LAST = 1_736_150_400, 1_779_900_000  # 2025-01-06 to 2026-05-27, epoch seconds
BOTS = {
    "shop": ("Hi, I'm Lindy, the virtual assistant of Lindwurm Outdoor. What can I help you with?",
             "I'm connecting you to a colleague, one moment please."),
    "saas": ("Hello! I'm Tidy, a bot. Ask me anything about your boards.", "I did not get that. Over to a human."),
    "bank": ("Welcome to the secure chat. I am an automated assistant. Please choose: cards, payments, other.",
             "Thank you. The next free adviser will answer."),
    "travel": ("Ahoy! Kes the travel bot here. Which booking is it about?", "I'm handing you over to our travel desk."),
}  # fmt: skip
EVENTS = (
    "{agentfull} joined the conversation",
    "Conversation assigned to team Service 2",
    "{first} changed the rating",
    "The customer has left the chat",
)
NOTES = (
    "Customer {full} called twice already, number {phone}. Please do not promise a date again.",
    "checked the account of {email}: VIP, be generous. {agent}",
    "Second case this month, see {custno}. Team lead agreed to the refund.",
    "DOB {dob} verified by phone. Do not ask again.",
)
DRAFTS = (
    "Dear {first}, I'm still looking into this and",
    "Hi {first}, unfortunately we can't do that bec",
)
CLOSERS = (
    "Is there anything else I can do for you?",
    "Have a lovely day, {first}!",
    "We are closing this conversation. Your answer reopens it within seven days. How did we do? Please rate us.",
)
TYPOS = (
    ("please", "pls"),
    ("you", "u"),
    ("received", "recieved"),
    ("because", "becuase"),
    ("the ", "teh "),
    ("I'm", "im"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One turn; `role` is customer, agent, bot, system, note or draft, `at` is in epoch seconds."""

    role: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One finished conversation with all that was planted in it."""

    scene: Scene
    customer: Person
    filler: Filler
    lines: tuple[Line, ...]
    traits: tuple[str, ...] = ()
    rating: int | None = None
    original: "Dialogue | None" = None
    """What this one is a copy of."""

    @property
    def planted(self) -> tuple[Planted, ...]:
        """List the personal values, in the order in which they were filled in."""
        return tuple(self.filler.planted)

    @property
    def agent(self) -> str:
        """Write the agent's whole name."""
        return " ".join(self.filler.agent)

    def plant_fields(self, **values: str) -> None:
        """Remember that the export names the customer or agent in columns of their own."""
        for kind, value in values.items():
            self.filler.plant(value, kind.rstrip("_").upper(), "field")


@dataclass(frozen=True, slots=True)
class Setting:
    """What a file's format can carry around the talk, and how fast people answer in it (seconds)."""

    bots: bool = False
    events: bool = False
    notes: bool = False
    drafts: bool = False
    pace: tuple[int, int] = (15, 240)


class Studio:
    """Make dialogues, every scene of a language in turn before one comes again."""

    def __init__(self, chance: Chance) -> None:
        self.chance = chance
        self.cast = people(chance)
        self.scenes = scenes()
        self._queues: dict[str, list[Scene]] = {}

    def many(self, counts: dict[str, int], setting: Setting) -> list[Dialogue]:
        """Make so many dialogues of each language, in a drawn order."""
        made = [self.take(language, setting) for language, count in counts.items() for _ in range(count)]
        return self.chance.shuffled(made)

    def take(self, language: str, setting: Setting, domains: tuple[str, ...] = ()) -> Dialogue:
        """Make the next dialogue of a language, of these companies only where some are named."""
        queue = self._queues.setdefault(f"{language} {domains}", [])
        if not queue:
            queue += self.chance.shuffled([scene for scene in self.scenes if _fits(scene, language, domains)])
        return self.play(queue.pop(), setting)

    def odd(self, code: str, setting: Setting) -> Dialogue:
        """Make a dialogue of a named scene."""
        return self.play(next(scene for scene in self.scenes if scene.code == code), setting)

    def garbled(self, kind: str, language: str, setting: Setting) -> Dialogue:
        """Make a dialogue whose letters went wrong on their way: "mojibake" or "zero_width"."""
        while True:
            took = self.take(language, setting)
            if not all(planted.value.isascii() for planted in took.planted):
                continue
            change = _misread if kind == "mojibake" else partial(_hidden, planted=took.planted)
            lines = tuple(replace(line, text=change(line.text)) for line in took.lines)
            if sum(new.text != old.text for new, old in zip(lines, took.lines, strict=True)) > 1:
                return replace(took, lines=lines, traits=(*took.traits, kind))

    def play(self, scene: Scene, setting: Setting) -> Dialogue:
        """Cast, phrase, fill and time one scene."""
        start = self.chance.number(FIRST, LAST)
        customer = self._customer(scene.language)
        partner = self.chance.pick([one for one in self.cast if one.country == customer.country and one != customer])
        language = {"mixed": "de"}.get(scene.language, scene.language)
        filler = Filler(self.chance, customer, partner, domain=scene.domain, language=language, start=start)
        spoken, traits = self._around(scene.phrased(self.chance), scene, setting)
        lines = self._timed(filler, spoken, setting, sloppy="sloppy" in traits)
        rating = self.chance.number(1, 5) if self.chance.happens(0.5) else None
        traits = [scene.code, *traits] if scene.is_odd else traits
        return Dialogue(scene, customer, filler, lines, tuple(traits), rating)

    def _customer(self, language: str) -> Person:
        wanted = {"mixed": "de"}.get(language, language)
        abroad = wanted == "en" and self.chance.happens(0.2)
        fits = [one for one in self.cast if (one.language == wanted) != abroad and (not abroad or one.language != "zh")]
        return self.chance.pick(fits)

    def _around(
        self, talk: list[tuple[str, str]], scene: Scene, setting: Setting
    ) -> tuple[list[tuple[str, str]], list[str]]:
        chance, traits, spoken = self.chance, list[str](), list(talk)
        answers = [at for at, (role, _) in enumerate(spoken) if role == "agent"]
        is_plain = scene.language == "en" and not scene.is_odd
        if is_plain and answers and chance.happens(0.16):
            spoken.insert(answers[0], ("agent", "{macro}"))
            traits.append("macro")
        if is_plain and answers and chance.happens(0.3):
            spoken.append(("agent", chance.pick(CLOSERS)))
        if is_plain and chance.happens(0.12):
            traits.append("sloppy")
        if setting.drafts and answers and chance.happens(0.1):
            spoken.insert(answers[-1], ("draft", chance.pick(DRAFTS)))
            traits.append("draft")
        if setting.notes and chance.happens(0.2):
            spoken.insert(min(2, len(spoken)), ("note", chance.pick(NOTES)))
            traits.append("note")
        if setting.events and chance.happens(0.4):
            spoken.insert(min(1, len(spoken)), ("system", chance.pick(EVENTS)))
            traits.append("event")
        if setting.bots and chance.happens(0.3):
            spoken.insert(0, ("bot", BOTS[scene.domain][0]))
            spoken.insert(2, ("bot", BOTS[scene.domain][1]))
            traits.append("bot")
        return spoken, traits

    def _timed(
        self, filler: Filler, spoken: list[tuple[str, str]], setting: Setting, *, sloppy: bool
    ) -> tuple[Line, ...]:
        at, lines = filler.start, list[Line]()
        for role, template in spoken:
            where = "internal" if role in ("note", "draft", "system") else "public"
            literal = _sloppy if sloppy and role == "customer" else str
            lines.append(Line(role, filler.fill(template, where, literal), at))
            at += self.chance.number(*setting.pace)
        return tuple(lines)


def near_copy(dialogue: Dialogue, chance: Chance) -> Dialogue:
    """Make a near-duplicate: a word more at the start, a politer end, a new time."""
    shift = chance.number(1, 20) * 86_400
    lines = [replace(line, at=line.at + shift) for line in dialogue.lines]
    asked = [at for at, line in enumerate(lines) if line.role == "customer"]
    opening = chance.pick(("Good evening. ", "Hello again, ", "Sorry to bother you, "))
    lines[asked[0]] = replace(lines[asked[0]], text=opening + lines[asked[0]].text)
    lines[asked[-1]] = replace(
        lines[asked[-1]], text=lines[asked[-1]].text + chance.pick((" Bye.", " :)", " Take care!"))
    )
    return replace(_copy(dialogue, "near_duplicate"), lines=tuple(lines))


def opening(dialogue: Dialogue, trait: str) -> Dialogue:
    """Cut a dialogue after its first turn, and forget what was planted later."""
    first, filler = dialogue.lines[0], dialogue.filler.fork()
    filler.planted = {one: None for one in filler.planted if one.value in first.text}
    return replace(dialogue, lines=(first,), filler=filler, traits=(trait,))


def exact_copy(dialogue: Dialogue) -> Dialogue:
    """Make an exact duplicate, as an export that overlaps with another has it."""
    return _copy(dialogue, "exact_duplicate")


def _copy(dialogue: Dialogue, trait: str) -> Dialogue:
    return replace(dialogue, filler=dialogue.filler.fork(), traits=(*dialogue.traits, trait), original=dialogue)


def _fits(scene: Scene, language: str, domains: tuple[str, ...]) -> bool:
    return scene.language == language and not scene.is_odd and (not domains or scene.domain in domains)


def _misread(text: str) -> str:
    """Read UTF-8 as cp1252, the usual accident."""
    return text.encode().decode("cp1252", "replace")


def _hidden(text: str, planted: tuple[Planted, ...]) -> str:
    """Put zero-width spaces and soft hyphens into every third long word that is part of no planted value."""
    values = " ".join(value.value for value in planted)
    words = text.split(" ")
    for at in range(0, len(words), 3):
        if len(words[at]) > 4 and words[at].isalpha() and words[at] not in values:
            words[at] = words[at][:2] + ("\u200b" if at % 2 else "\u00ad") + words[at][2:]
    return " ".join(words) + "\ufeff"


def _sloppy(words: str) -> str:
    for right, wrong in TYPOS:
        words = words.replace(right, wrong)
    return words.lower()
