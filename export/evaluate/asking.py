"""Put questions to models, many at a time, and keep every answer as it comes: a kill loses only what was under way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from export.evaluate.errors import AGAIN, Interrupted
from export.evaluate.replies import Message, Reply
from export.submit.errors import KeyRefused, QuotaExhausted, RequestRefused, SubmitError, Unavailable, UnknownModel
from store.database import Store
from store.progress import Progress

if TYPE_CHECKING:
    from export.evaluate.chat import Chat  # needs OpenAI's SDK; reading answers does not

Thing = TypeVar("Thing")
Key = tuple[str, str]  # item_id, speaker

# These no question can mend, so nothing more is asked; what is refused otherwise is a problem of one question.
FATAL = (KeyRefused, QuotaExhausted, UnknownModel, Unavailable)
HINTS: dict[type[SubmitError], str] = {
    KeyRefused: f"Set OPENAI_API_KEY to a valid key of that endpoint. {AGAIN}",
    QuotaExhausted: f"Add credit or raise the limit of that account. {AGAIN}",
    UnknownModel: "Name a model that this endpoint serves; its GET /models lists them.",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked, and where."""

    model: str
    chat: Chat


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to ask: `speaker` says who answers (base, tuned, judge:...), `item_id` what about."""

    item_id: str
    speaker: str
    asked: Asked
    messages: tuple[Message, ...]
    tools: tuple[Message, ...] = ()

    @property
    def key(self) -> Key:
        """Name the answer."""
        return self.item_id, self.speaker


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it is kept: the reply, or the problem in its place."""

    item_id: str
    speaker: str
    reply: Reply
    problem: str = ""

    @property
    def text(self) -> str:
        """Give its words."""
        return self.reply.text


def ask_all(
    store: Store, evaluation_id: str, questions: Sequence[Question], *, at_once: int, progress: Progress, label: str
) -> int:
    """Ask what has no answer yet, `at_once` at a time, keep each answer, and say how many were asked now.

    Questions that were refused before are asked again.

    Raises:
        Interrupted: an endpoint fails, or refuses the key or the model; the answers until then are kept.
    """
    answered = {key for key, answer in read_answers(store, evaluation_id).items() if not answer.problem}
    due = [question for question in questions if question.key not in answered]
    if not due:
        return 0
    with progress.task(label, len(due)) as task:
        for answer in together(due, _answer, at_once=at_once):
            keep(store, evaluation_id, answer)
            task.advance()
    return len(due)


def together(things: Iterable[Thing], work: Callable[[Thing], Answer], *, at_once: int) -> Iterator[Answer]:
    """Work on things in threads, never on more than `at_once`, and give each result as soon as it is there.

    When one fails, those under way are still given before the error is raised.
    """
    rest = iter(things)
    problem: SubmitError | None = None
    with ThreadPoolExecutor(at_once) as pool:
        running: set[Future[Answer]] = {pool.submit(work, thing) for thing in islice(rest, at_once)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                try:
                    yield future.result()
                except SubmitError as error:
                    problem = problem or error
            if problem is None:
                running |= {pool.submit(work, thing) for thing in islice(rest, len(done))}
    if problem is not None:
        hint = HINTS.get(type(problem), AGAIN)
        raise Interrupted(f"{problem.message} Nothing more was asked.", hint=hint)


def read_answers(store: Store, evaluation_id: str) -> dict[Key, Answer]:
    """Give the answers of an evaluation."""
    rows = store.rows(
        "SELECT item_id, speaker, text, reply, problem FROM answers WHERE evaluation_id = ? ORDER BY item_id, speaker",
        [evaluation_id],
    )
    return {(item, speaker): _read(item, speaker, text, reply, problem) for item, speaker, text, reply, problem in rows}


def forget_answers(store: Store, evaluation_id: str) -> None:
    """Throw the answers of an evaluation away, so that everything is asked anew."""
    store.execute("DELETE FROM answers WHERE evaluation_id = ?", [evaluation_id])


def _answer(question: Question) -> Answer:
    try:
        reply = question.asked.chat.ask(question.asked.model, question.messages, tools=question.tools)
    except FATAL:
        raise
    except RequestRefused as error:
        return Answer(question.item_id, question.speaker, Reply(""), f"{error.code}: {error.message}")
    return Answer(question.item_id, question.speaker, reply)


def keep(store: Store, evaluation_id: str, answer: Answer) -> None:
    """Keep an answer, in the place of one that was a problem."""
    figures = {key: value for key, value in asdict(answer.reply).items() if key != "text"}
    key = [evaluation_id, answer.item_id, answer.speaker]
    with store.transaction():
        store.execute("DELETE FROM answers WHERE evaluation_id = ? AND item_id = ? AND speaker = ?", key)
        store.execute(
            "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?)",
            [*key, answer.reply.text, orjson.dumps(figures).decode(), answer.problem],
        )


def _read(item_id: str, speaker: str, text: str, reply: str, problem: str) -> Answer:
    told: dict[str, Any] = orjson.loads(reply)
    calls: list[Mapping[str, Any]] = told.pop("tool_calls")
    return Answer(item_id, speaker, Reply(text, tuple(calls), **told), problem)
