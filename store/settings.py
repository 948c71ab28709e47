"""What a workspace's chatmill.toml may say, with defaults and help for every setting.

`docs/reference/settings.md` is generated from here.
"""

import dataclasses
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from store.errors import SettingsError, unknown_name


def _setting(default: Any, help: str) -> Any:  # noqa: A002, ANN401 - reads as what it is in the tables below
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True, slots=True)
class WorkspaceSettings:
    """What holds for the whole workspace."""

    id: str = _setting("", "Names the workspace's key file; written by init, do not change it.")
    languages: tuple[str, ...] = _setting(("en",), "Languages to curate, the commonest first; others are set aside.")
    account: str = _setting("", "Your helpdesk account, where ids of two accounts would clash.")
    seed: int = _setting(20_260, "Decides splits and order; the same seed gives the same files.")
    workers: int = _setting(0, "Worker processes; 0 takes one for each core.")
    memory: str = _setting("1GB", "What the database may hold in memory; beyond it, it spills to encrypted files.")


@dataclass(frozen=True, slots=True)
class LanguageSettings:
    """How languages are told."""

    min_letters: int = _setting(20, "With fewer letters than this the customer's words alone do not decide.")
    min_confidence: float = _setting(0.8, "Below this the next source of evidence is asked.")
    prior: float = _setting(0.9, "Share of the prior that the workspace's languages hold together.")
    mixed_share: float = _setting(0.2, "A second language with this share of the letters makes it mixed.")


@dataclass(frozen=True, slots=True)
class DuplicatesSettings:
    """What counts as a near-duplicate."""

    threshold: float = _setting(0.8, "Jaccard similarity of word shingles from which two conversations are one.")
    shingle: int = _setting(3, "Words in a shingle.")
    permutations: int = _setting(128, "Hash functions of a MinHash signature.")
    repeats_from: int = _setting(5, "Conversations in which an answer must recur to count as a macro.")
    macro_cap: int = _setting(
        1000, "A conversation whose answers are all macros stays while one of them has fewer such; 0: no cap."
    )
    exchange_cap: int = _setting(
        200, "A conversation of recurring questions and answers stays while one has fewer such; 0: no cap."
    )


@dataclass(frozen=True, slots=True)
class RedactionSettings:
    """What is redacted, beside the policy in rules/redaction."""

    names: str = _setting(
        "own", "The model that finds names: own, the packaged one; workspace, yours (chatmill model train); none."
    )
    patterns_only: tuple[str, ...] = _setting(
        (), "Languages without a name model that patterns alone may redact; names of people mostly stay in them."
    )
    recognizers: tuple[str, ...] = _setting((), "More Presidio recognizers, as module:Class.")
    custom_fields: tuple[str, ...] = _setting((), "Custom fields whose values are personal and searched for.")
    shapes: tuple[str, ...] = _setting((), 'Your own numbers by example, as in "ORDER_ID: ORD-482913-X".')
    timeout_seconds: float = _setting(2.0, "A recognizer that takes longer on one text quarantines it.")


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """What a dataset looks like."""

    model: str = _setting("gpt-4.1-mini-2025-04-14", "The model whose tokens and limits count.")
    system_prompt: str = _setting(
        "You are a helpful support agent.",
        "First message of every example; {channel}, {language} and {company} are filled in. Empty: none.",
    )
    company: str = _setting("", "Your company's name, for {company} in the system prompt.")
    examples: str = _setting("conversation", "One example for each conversation, or for each agent turn: turn.")
    context_turns: int = _setting(0, "At most so many turns before the answer; 0 takes all.")
    persona: str = _setting("", "The name that stands where agents' own names stood; empty: the placeholders stay.")
    split: tuple[float, ...] = _setting((0.8, 0.1, 0.1), "Shares of train, validation and test.")
    split_by: str = _setting("random", "random: any order, by the seed; time: what began before the cut-off trains.")
    split_cutoff: str = _setting(
        "", 'Date or time of the cut-off, as in "2026-03-01"; empty: chosen to meet the shares.'
    )
    split_gap_days: int = _setting(0, "Days before the cut-off whose conversations are left out.")
    evaluation: tuple[str, ...] = _setting((), "Evaluation files, from the workspace's folder; what is like them goes.")
    evaluation_overlap: float = _setting(0.2, "Share of an evaluation record's words in shared runs that is too much.")


@dataclass(frozen=True, slots=True)
class BalanceSettings:
    """How much of what a dataset takes; docs/tasks/balance.md has examples."""

    caps: tuple[str, ...] = _setting((), 'The most conversations of one kind, as in "customer 20" or "agent 500".')
    targets: tuple[str, ...] = _setting(
        (), 'What should come out, as in "topic: returns 30%, delivery 30%, rest 40%" or "channel: email 500".'
    )
    keep_at_least: float = _setting(0.0, "Share of the conversations that shares must leave, even if they are not met.")


@dataclass(frozen=True, slots=True)
class SubmitSettings:
    """What a fine-tuning job is asked for."""

    provider: str = _setting("openai", "Who trains.")
    base_url: str = _setting("", "The provider's address; empty: its usual one.")
    account: str = _setting("", "Your account's name, where the provider's address holds it: Fireworks.")
    epochs: int = _setting(0, "Passes over the data; 0 lets the provider's rule decide.")
    hyperparameters: tuple[str, ...] = _setting(
        (), 'More of them by the provider\'s own names, as in "batch_size 8", "learning_rate 1e-5", "lora true".'
    )
    training_type: str = _setting(
        "", "Azure's trainingType: Standard, GlobalStandard or Developer; empty: its default."
    )
    flagged: str = _setting(
        "refuse", "Lines that moderation flags: refuse to send, leave-out (of the next export), or send."
    )
    suffix: str = _setting("chatmill", "Ends the fine-tuned model's name.")


@dataclass(frozen=True, slots=True)
class CardSettings:
    """What only people know of a dataset; it stands in the data card, and changes nothing else."""

    purpose: str = _setting("", "What the dataset is for, and what it is not for.")
    source: str = _setting("", "Whose conversations these are, and from when.")
    licence: str = _setting("", "Who may use the dataset, and for what.")
    consent: str = _setting("", "On what ground customers' and agents' words may be used for training.")
    retention: str = _setting("", "Until when it may be kept, and who deletes it.")
    contact: str = _setting("", "Whom to ask about it.")


@dataclass(frozen=True, slots=True)
class SignOffSettings:
    """Who answers for what leaves."""

    required: bool = _setting(False, "Submit only dataset versions that somebody has signed.")  # noqa: FBT003
    another_person: bool = _setting(
        False,  # noqa: FBT003
        "Whoever signs must be another than those who decided on the version's conversations.",
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything chatmill.toml may say."""

    workspace: WorkspaceSettings = field(default_factory=WorkspaceSettings)
    language: LanguageSettings = field(default_factory=LanguageSettings)
    duplicates: DuplicatesSettings = field(default_factory=DuplicatesSettings)
    redaction: RedactionSettings = field(default_factory=RedactionSettings)
    export: ExportSettings = field(default_factory=ExportSettings)
    balance: BalanceSettings = field(default_factory=BalanceSettings)
    submit: SubmitSettings = field(default_factory=SubmitSettings)
    sign_off: SignOffSettings = field(default_factory=SignOffSettings)
    card: CardSettings = field(default_factory=CardSettings)


@dataclass(frozen=True, slots=True)
class SettingHelp:
    """One line of the settings' reference."""

    key: str
    default: Any
    help: str


def catalogue() -> Iterator[SettingHelp]:
    """Give every setting with its default and help, in the order of the file."""
    for section in dataclasses.fields(Settings):
        for entry in dataclasses.fields(get_type_hints(Settings)[section.name]):
            yield SettingHelp(f"{section.name}.{entry.name}", entry.default, entry.metadata["help"])


def load(path: Path) -> Settings:
    """Read chatmill.toml.

    Raises:
        SettingsError: not TOML, or with mistakes; all of them are named at once.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path.name} is not valid TOML: {error}.", hint="Mend that line.") from None
    return from_dict(raw, name=path.name)


def from_dict(raw: dict[str, Any], *, name: str = "chatmill.toml") -> Settings:
    """Build the settings from parsed TOML, naming every mistake at once.

    Raises:
        SettingsError: unknown sections or keys, or values of the wrong type.
    """
    mistakes: list[str] = []
    hints = get_type_hints(Settings)
    sections: dict[str, Any] = {}
    for section, values in raw.items():
        if section not in hints:
            mistakes.append(unknown_name("section", section, hints))
        elif not isinstance(values, dict):
            mistakes.append(f"{section} must be a table, as in [{section}].")
        else:
            sections[section] = _section(hints[section], section, values, mistakes)
    if mistakes:
        raise SettingsError(f"{name}: " + " ".join(mistakes), hint="See docs/reference/settings.md.")
    return Settings(**sections)


def _section(kind: type, section: str, values: dict[str, Any], mistakes: list[str]) -> Any:  # noqa: ANN401
    hints = get_type_hints(kind)
    good: dict[str, Any] = {}
    for key, value in values.items():
        if key not in hints:
            mistakes.append(unknown_name(f"setting in [{section}]", key, hints))
        elif (fit := _fit(hints[key], value)) is None:
            mistakes.append(f"{section}.{key} is {value!r}, but must be {_wording(hints[key])}.")
        else:
            good[key] = fit
    return kind(**good)


def _fit(kind: Any, value: Any) -> Any:  # noqa: ANN401 - types as values
    """Give the value in the setting's type, or None where it does not fit."""
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        fits = [_fit(inner, item) for item in value] if isinstance(value, list) else [None]
        return None if None in fits else tuple(fits)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value if type(value) is kind else None


def _wording(kind: Any) -> str:  # noqa: ANN401 - types as values
    if get_origin(kind) is tuple:
        return f"a list of {_wording(get_args(kind)[0])}s"
    return {str: "text", int: "whole number", float: "number", bool: "true or false"}[kind]
