"""What to do with which finding: thresholds, operators and labels, from rules/redaction and the workspace's own file.

The policy is applied when findings are read, so that changing it never runs a recognizer again.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from curate.redact.engine import EngineSpec
from curate.redact.errors import PolicyError
from curate.redact.name_model import MODEL_LANGUAGES, NO_MODEL, OWN, WORKSPACE, model_hash
from curate.redact.questions import questions_text
from curate.redact.rules import packaged_rules, word_list
from curate.redact.shapes import shape_rules
from store.errors import unknown_name
from store.settings import RedactionSettings

ALLOWED = ("common_words", "answer_words", "first_names_too", "surnames_too", "replies")
CODE_VERSION = 6  # raise it when the code of detection changes what is found
DEFAULT = "default.toml"
OVERRIDE = Path("rules/redaction.toml")
HEAD = Path("models/names.head")  # curate/redact/name_model/head.py; written by chatmill model train
TRAIN = "Run: chatmill model train."
OPERATORS = ("placeholder", "surrogate", "mask", "hash", "encrypt", "keep")
SURROGATE = "surrogate"
KEYED = frozenset({SURROGATE, "hash", "encrypt"})  # they need the workspace's key
OPERATORS_VERSION = 1  # raise it when an operator's results change
ROLES = ("customer", "agent", "bot")
TABLES = ("engine", "default", "entities")
ENGINE_KEYS = ("floor", "skip", "needs_context", "phone_context", "countries", "phone_regions", "context")
ENTITY_KEYS = ("threshold", "operator", "label", "show_last", "roles")


@dataclass(frozen=True, slots=True)
class EntityPolicy:
    """What holds for one type of entity."""

    thresholds: tuple[tuple[str, float], ...]
    operator: str
    label: str
    show_last: int = 0  # letters and digits that a mask leaves
    roles: tuple[tuple[str, str], ...] = ()  # operators for the turns of some roles

    def operator_for(self, role: str) -> str:
        """Give the operator for findings in the turns of a role; an empty role has the entity's own."""
        if not self.roles:
            return self.operator
        return next((operator for name, operator in self.roles if name == role), self.operator)

    def threshold(self, language: str) -> float:
        """Give the score from which a finding is redacted in a language."""
        if len(self.thresholds) == 1:
            return self.thresholds[0][1]  # the default, as it mostly is
        by_language = dict(self.thresholds)
        return by_language.get(language, by_language["default"])

    @property
    def operators(self) -> frozenset[str]:
        """Every operator that it may come to."""
        return frozenset({self.operator, *(operator for _, operator in self.roles)})


@dataclass(frozen=True, slots=True)
class Policy:
    """A redaction policy: how to search (`engine`) and what to do with what was found."""

    engine: tuple[tuple[str, Any], ...]
    default: EntityPolicy
    entities: tuple[tuple[str, EntityPolicy], ...]
    head: bytes = b""  # the workspace's own addition to the name model, where one was trained
    # Looked up for every finding, so kept here: a cache outside would hash the whole policy each time.
    _index: dict[str, EntityPolicy] = field(
        init=False, repr=False, compare=False, default_factory=dict[str, EntityPolicy]
    )

    def __post_init__(self) -> None:
        self._index.update(self.entities)

    def of(self, entity_type: str) -> EntityPolicy:
        """Give what holds for a type; the default, under its own name, where the policy does not name it."""
        known = self._index.get(entity_type)
        if known is None:
            known = self._index[entity_type] = replace(self.default, label=entity_type)
        return known

    def applies(self, entity_type: str, score: float, language: str, role: str = "") -> bool:
        """Say whether a finding is to be redacted: in a turn of this role, or in general."""
        entity = self.of(entity_type)
        return entity.operator_for(role) != "keep" and score >= entity.threshold(language)

    @property
    def operators(self) -> frozenset[str]:
        """Every operator that is used for something."""
        return self.default.operators.union(*(entity.operators for _, entity in self.entities))

    def spec(self, languages: tuple[str, ...], settings: RedactionSettings) -> EngineSpec:
        """Give the engine's spec for these languages and settings.

        Languages without a name model are left out, and so set aside, unless the settings let patterns alone do.
        """
        engine = dict(self.engine)
        alone = languages if settings.names == NO_MODEL else settings.patterns_only
        return EngineSpec(
            languages=tuple(one for one in languages if one in MODEL_LANGUAGES or one in alone),
            countries=_pairs(engine["countries"]),
            phone_regions=_pairs(engine["phone_regions"]),
            phone_context=tuple(engine["phone_context"]),
            context=_pairs(engine["context"]),
            needs_context=tuple(sorted(engine["needs_context"])),
            skip=tuple(sorted(engine["skip"])),
            rules=(*packaged_rules(), *shape_rules(settings.shapes)),
            plugins=settings.recognizers,
            names=_name_model(settings.names, self.head),
            floor=engine["floor"],
            timeout=settings.timeout_seconds,
            head=self.head if settings.names == WORKSPACE else b"",
        )

    @property
    def fingerprint(self) -> str:
        """Give a hash of everything that decides what is done with findings."""
        return _digest(repr((OPERATORS_VERSION, self.default, self.entities)))


def detection_version(spec: EngineSpec, settings: RedactionSettings) -> str:
    """Give a hash of everything that decides what is found: rules, lists, languages, libraries and our own code."""
    libraries = (version("presidio-analyzer"), version("phonenumbers"), version("tldextract"))
    lists = [sorted(word_list(f"allow/{name}")) for name in ALLOWED]
    model = model_hash() if spec.names != NO_MODEL else ""
    return _digest(repr((CODE_VERSION, libraries, model, spec, lists, questions_text(), settings.custom_fields)))


def load_policy(root: Path | None = None) -> Policy:
    """Read the packaged policy, with the workspace's own entries over it where `root` has rules/redaction.toml.

    Raises:
        PolicyError: every mistake in it at once.
    """
    raw = tomllib.loads((files("rules") / "redaction" / DEFAULT).read_text(encoding="utf-8"))
    own = root / OVERRIDE if root else None
    if own and own.is_file():
        try:
            raw = _merged(raw, tomllib.loads(own.read_text(encoding="utf-8")))
        except tomllib.TOMLDecodeError as error:
            raise PolicyError(f"{OVERRIDE} is not valid TOML: {error}.", hint="Mend that line.") from None
    head = root / HEAD if root else None
    return replace(parse_policy(raw), head=head.read_bytes() if head and head.is_file() else b"")


def parse_policy(raw: dict[str, Any]) -> Policy:
    """Build a policy from parsed TOML.

    Raises:
        PolicyError: every mistake in it at once.
    """
    mistakes = [unknown_name("table", key, TABLES) for key in raw if key not in TABLES]
    mistakes += [unknown_name("key of [engine]", key, ENGINE_KEYS) for key in raw["engine"] if key not in ENGINE_KEYS]
    base = raw["default"]
    default = _entity("DEFAULT", base, base, mistakes)
    entities = tuple(
        (name, _entity(name, {**base, "label": name, **entry}, base, mistakes))
        for name, entry in sorted(raw.get("entities", {}).items())
    )
    if mistakes:
        raise PolicyError("The redaction policy: " + " ".join(mistakes), hint="See rules/redaction/default.toml.")
    engine = tuple(sorted((key, _frozen(value)) for key, value in raw["engine"].items()))
    return Policy(engine, default, entities)


def _name_model(name: str, head: bytes) -> str:
    if name not in (OWN, NO_MODEL, WORKSPACE):
        raise PolicyError(
            unknown_name("redaction.names", name, (OWN, NO_MODEL, WORKSPACE)),
            hint="A model of another kind is a plug-in.",
        )
    if name == WORKSPACE and not head:
        raise PolicyError('redaction.names is "workspace", but no model was trained here.', hint=TRAIN)
    if name == WORKSPACE and json.loads(head.partition(b"\n")[0]).get("model") != model_hash():
        raise PolicyError("The workspace's model was trained on another version of the name model.", hint=TRAIN)
    return name


def _entity(name: str, entry: dict[str, Any], base: dict[str, Any], mistakes: list[str]) -> EntityPolicy:
    mistakes += [unknown_name(f"key of {name}", key, ENTITY_KEYS) for key in entry if key not in ENTITY_KEYS]
    roles: Any = entry.get("roles", {})
    if not isinstance(roles, dict):
        mistakes.append(f"{name}: roles is a table of roles and operators, not {roles!r}.")
        roles = {}
    for operator in (entry["operator"], *roles.values()):
        if operator not in OPERATORS:
            mistakes.append(unknown_name("operator", str(operator), OPERATORS))
    mistakes += [unknown_name(f"role of {name}", role, ROLES) for role in roles if role not in ROLES]
    show_last = entry.get("show_last", 0)
    if type(show_last) is not int or show_last < 0:
        mistakes.append(f"{name}: show_last is a whole number from 0, not {show_last!r}.")
    threshold = entry["threshold"]
    by_language: dict[str, Any] = threshold if isinstance(threshold, dict) else {"default": threshold}
    by_language.setdefault("default", base["threshold"])
    bad = [value for value in by_language.values() if not isinstance(value, int | float) or not 0 <= value <= 1]
    mistakes += [f"{name}: a threshold lies between 0 and 1, not {value!r}." for value in bad]
    label = str(entry.get("label", name))
    if not label.replace("_", "").isalnum() or label != label.upper():
        mistakes.append(f"{name}: a label is made of capital letters, digits and _, not {label!r}.")
    thresholds = tuple(sorted(by_language.items()))
    return EntityPolicy(thresholds, str(entry["operator"]), label, show_last, tuple(sorted(roles.items())))


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _pairs(table: tuple[tuple[str, Any], ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((key, tuple(values)) for key, values in table)


def _frozen(value: Any) -> Any:  # noqa: ANN401 - whatever TOML holds
    if isinstance(value, dict):
        return tuple(sorted((key, _frozen(inner)) for key, inner in value.items()))
    return tuple(value) if isinstance(value, list) else value


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
