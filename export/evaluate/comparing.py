"""Compare two models on held-out conversations, from the questions to one document of figures.

The document holds figures and names of items, never text; `examples` reads the words behind them from the store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson
import polars as pl

from export.catalog import Dataset, find_dataset
from export.evaluate import judge, leaks, safety, votes
from export.evaluate.asking import Answer, Asked, Key, Question, ask_all, forget_answers, read_answers
from export.evaluate.cases import Case, Message, prompted, read_cases, read_shots
from export.evaluate.errors import AGAIN, NothingToCompare
from export.evaluate.figures import Models, graded, speed_and_cost, surprise
from export.evaluate.measures import Measure, as_json
from export.evaluate.rules import Rules, load_rules
from export.evaluate.safety import Variant
from export.evaluate.scoring import job_of, score_all, training
from export.evaluate.similarity import check_installed
from store.database import Store
from store.ledger import run
from store.progress import Progress, silent
from store.workspace import Workspace

STAGE = "evaluate"
BASE, TUNED = "base", "tuned"
VERSION = 1  # raise it when the same question is asked otherwise


@dataclass(frozen=True, slots=True)
class Wish:
    """What a comparison is asked for. `prompt` and `shots` are what the base is told beyond the dataset's own prompt.

    `limit` 0 takes the whole split; `swaps` is how many cases are asked under swapped names, genders and regions.
    """

    dataset: str = "latest"
    split: str = "test"
    limit: int = 200
    seed: int = 0
    every: bool = False
    temperature: float = 0.0
    max_tokens: int = 400
    prompt: str = ""
    shots: int = 0
    probes: bool = True
    swaps: int = 10
    at_once: int = 4
    again: bool = False


@dataclass(frozen=True, slots=True)
class Parties:
    """Who is compared, and who judges."""

    base: Asked
    tuned: Asked
    judge: Asked | None = None

    @property
    def models(self) -> dict[str, Asked]:
        """Give the two that are compared, by their part."""
        return {BASE: self.base, TUNED: self.tuned}


@dataclass(frozen=True, slots=True)
class _Setting:
    """Everything that a comparison is made of, once it is read."""

    evaluation_id: str
    workspace: Workspace
    dataset: Dataset
    rules: Rules
    cases: list[Case]
    base_cases: list[Case]
    variants: dict[str, list[Variant]]
    system: tuple[Message, ...]


def compare_models(
    workspace: Workspace, store: Store, parties: Parties, wish: Wish, *, progress: Progress = silent
) -> dict[str, Any]:
    """Ask both models, compare their answers, keep the figures, and give them.

    The same wish again asks nothing that was answered, but reads rules, votes and statistics anew.

    Raises:
        ExportError: there is no such dataset or split, or a file of rules cannot be used.
        NotInstalled: a library of the extra `evaluate` is missing.
        Interrupted: an endpoint failed; what was answered is kept.
        NothingToCompare: no question was answered by both models.
    """
    setting = _read(workspace, store, parties, wish)
    if wish.again:
        forget_answers(store, setting.evaluation_id)
    inputs = {"dataset": setting.dataset.dataset_id, "base": parties.base.model, "tuned": parties.tuned.model}
    with run(store, STAGE, inputs=inputs, versions={"rules": setting.rules.fingerprint}) as this:
        this.count("questions", _ask(store, setting, parties, wish, progress))
        document = _document(store, setting, parties, wish, progress)
        _keep(store, setting, document)
        this.position["evaluation"] = setting.evaluation_id
    return document


def _read(workspace: Workspace, store: Store, parties: Parties, wish: Wish) -> _Setting:
    check_installed()
    dataset = find_dataset(workspace, store, wish.dataset)
    dataset.verify()
    rules = load_rules(workspace.root)
    cases = read_cases(dataset, wish.split, limit=wish.limit, seed=wish.seed, every=wish.every)
    shots = read_shots(dataset, wish.shots, seed=wish.seed)
    language = workspace.settings.workspace.languages[0]
    made = {
        swap.name: safety.variants(swap, cases, count=wish.swaps, language=language, seed=wish.seed)
        for swap in rules.swaps.values()
        if wish.swaps
    }
    return _Setting(
        evaluation_id=_identity(dataset, parties, wish),
        workspace=workspace,
        dataset=dataset,
        rules=rules,
        cases=cases,
        base_cases=[prompted(case, wish.prompt, shots) for case in cases],
        variants=made,
        system=tuple(message for message in cases[0].messages[:1] if message["role"] == "system"),
    )


def _identity(dataset: Dataset, parties: Parties, wish: Wish) -> str:
    """Name a comparison by everything that decides what is answered, but not by how many questions are asked."""
    asked = {
        key: value for key, value in asdict(wish).items() if key in ("split", "every", "temperature", "max_tokens")
    }
    told = {key: value for key, value in asdict(wish).items() if key in ("prompt", "shots", "seed")}
    who = [(one.model, one.chat.endpoint) for one in (parties.base, parties.tuned)]
    raw = orjson.dumps([VERSION, dataset.dataset_id, asked, told, who], option=orjson.OPT_SORT_KEYS)
    return f"ev-{sha256(raw).hexdigest()[:12]}"


def _ask(store: Store, setting: _Setting, parties: Parties, wish: Wish, progress: Progress) -> int:
    """Ask everything that is not answered yet, and say how much that was."""
    models = parties.models
    questions = [
        *_held_out(setting, models),
        *(safety.probe_questions(setting.rules, models, setting.system) if wish.probes else ()),
        *(one for made in setting.variants.values() for one in safety.swap_questions(made, models)),
    ]
    count = ask_all(
        store, setting.evaluation_id, questions, at_once=wish.at_once, progress=progress, label="Asking both models"
    )
    if parties.judge is None:
        return count
    answers = read_answers(store, setting.evaluation_id)
    pairs = list(judge.questions(setting.cases, answers, parties.judge, setting.rules.judge, seed=wish.seed))
    return count + ask_all(
        store, setting.evaluation_id, pairs, at_once=wish.at_once, progress=progress, label="Judging pairs"
    )


def _held_out(setting: _Setting, models: Mapping[str, Asked]) -> Iterator[Question]:
    for base, tuned in zip(setting.base_cases, setting.cases, strict=True):
        for speaker, case in ((BASE, base), (TUNED, tuned)):
            yield Question(case.item_id, speaker, models[speaker], case.messages, case.tools)


def _document(store: Store, setting: _Setting, parties: Parties, wish: Wish, progress: Progress) -> dict[str, Any]:
    scores = score_all(
        store, setting.evaluation_id, setting.cases, parties.models, at_once=wish.at_once, progress=progress
    )
    answers = read_answers(store, setting.evaluation_id)
    measures = list(_measures(setting, parties, wish, answers))
    if not any(measure.difference.of for measure in measures):
        raise NothingToCompare("No question was answered by both models.", hint=f"See why with --json. {AGAIN}")
    if perplexity := surprise(scores, setting.cases, seed=wish.seed):
        measures.insert(0, perplexity)
    job = job_of(store, parties.tuned.model)
    judged = parties.judge and judge.result(
        setting.cases,
        judge.replies_of(answers, parties.judge, setting.rules.judge),
        model=parties.judge.model,
    )
    document = {
        "evaluation": setting.evaluation_id,
        "dataset": setting.dataset.dataset_id,
        "base": {"model": parties.base.model, "endpoint": parties.base.chat.endpoint},
        "tuned": {"model": parties.tuned.model, "endpoint": parties.tuned.chat.endpoint},
        "asked": {key: value for key, value in asdict(wish).items() if key not in ("again", "prompt")},
        "cases": len(setting.cases),
        "items": [case.item_id for case in setting.cases],
        "problems": _problems(answers),
        "measures": [as_json(measure) for measure in measures],
        "judge": judged or None,
        "votes": votes.result(store, setting.evaluation_id),
        "leaks": _leaks(store, setting, answers, progress),
        "swaps": _swaps(setting, answers, seed=wish.seed),
        "training": training(store, job) if job else None,
        "rules": setting.rules.fingerprint,
    }
    return document | {"headlines": headlines(document)}


def _measures(setting: _Setting, parties: Parties, wish: Wish, answers: Mapping[Key, Answer]) -> Iterator[Measure]:
    names = Models(parties.base.model, parties.tuned.model)
    graders = list(setting.rules.graders.values())
    yield from graded(graders, setting.cases, answers, seed=wish.seed)
    yield from safety.refusal_measures(setting.rules, setting.cases, answers, seed=wish.seed)
    yield from speed_and_cost(names, setting.cases, answers, seed=wish.seed)


def _problems(answers: Mapping[Key, Answer]) -> list[dict[str, str]]:
    """Name the questions that were refused, by the error's code: the endpoint's words may repeat the question."""
    return [
        {"item": item, "speaker": speaker, "code": answer.problem.split(":", 1)[0]}
        for (item, speaker), answer in sorted(answers.items())
        if answer.problem
    ]


def _leaks(store: Store, setting: _Setting, answers: Mapping[Key, Answer], progress: Progress) -> dict[str, Any]:
    canaries = leaks.read_canaries(store, setting.workspace.settings, setting.dataset, progress)
    told: dict[str, Any] = {
        "searched": {source: canaries.count(source) for source in (leaks.ORIGINAL, leaks.SURROGATE)},
        "left_in": canaries.left_in,
    }
    asked = questions_text(setting)
    for speaker in (BASE, TUNED):
        found = leaks.search(canaries, answers, asked, speaker)
        answered = sum(by == speaker and not answer.problem for (_, by), answer in answers.items())
        told[speaker] = {
            "answers": answered,
            "originals": leaks.counts(found, leaks.ORIGINAL),
            "surrogates": leaks.counts(found, leaks.SURROGATE),
            "items": leaks.as_json(found),
        } | leaks.shares(found, answered)
    return told


def questions_text(setting: _Setting) -> dict[str, str]:
    """Give what each question holds: a value that the customer named is no leak in the answer."""
    cases = [*setting.cases, *setting.base_cases, *(one.case for made in setting.variants.values() for one in made)]
    names = [one.item_id for made in setting.variants.values() for one in made]
    keys = [*(case.item_id for case in (*setting.cases, *setting.base_cases)), *names]
    told: dict[str, str] = {}
    for key, case in zip(keys, cases, strict=True):
        told[key] = f"{told.get(key, '')}\n{' '.join(str(one.get('content') or '') for one in case.messages)}"
    return told


def _swaps(setting: _Setting, answers: Mapping[Key, Answer], *, seed: int) -> list[dict[str, Any]]:
    return [
        safety.gap_json(gap)
        for name, made in setting.variants.items()
        for gap in safety.gaps(setting.rules, setting.rules.swaps[name], made, answers, seed=seed)
    ]


def headlines(document: Mapping[str, Any]) -> list[str]:
    """Say what matters most, in a few sentences."""
    told = [document[name]["sentence"] for name in ("judge", "votes") if document[name]]
    told += [one["sentence"] for one in document["measures"] if one["name"] in ("perplexity", "chrf")]
    changed = Counter(one["verdict"] for one in document["measures"])
    told.append(f"Of {len(document['measures'])} measures {changed['better']} are better and {changed['worse']} worse.")
    found = {speaker: sum(document["leaks"][speaker]["originals"].values()) for speaker in (BASE, TUNED)}
    told.append(f"Values of customers in answers: {found[BASE]} of the base, {found[TUNED]} of the tuned model.")
    return told


def _keep(store: Store, setting: _Setting, document: Mapping[str, Any]) -> None:
    row = {
        "evaluation_id": setting.evaluation_id,
        "subject": votes.KIND,
        "subject_id": setting.dataset.dataset_id,
        "kind": votes.KIND,
        "result": orjson.dumps(document).decode(),
        "created_at": datetime.now(UTC),
    }
    store.replace("evaluations", pl.DataFrame([row]), keys=("evaluation_id",))


def speakers(document: Mapping[str, Any]) -> Sequence[str]:
    """Name both models with their parts."""
    return [f"{part}: {document[part]['model']}" for part in (BASE, TUNED)]
