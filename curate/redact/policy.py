"""What to do with which finding: thresholds, operators and labels, from rules/redaction and the workspace's own file.

The policy is applied when findings are read, so that changing it never runs a recognizer again.
"""

from __future__ import annotations

import functools
import hashlib
import tomllib
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from curate.redact.engine import EngineSpec
from curate.redact.errors import PolicyError
from curate.redact.rules import packaged_rules, word_list
from store.errors import unknown_name
from store.settings import RedactionSettings

CODE_VERSION = 1  # raise it when the code of detection changes what is found
DEFAULT = "default.toml"
OVERRIDE = Path("rules/redaction.toml")
OPERATORS = ("placeholder", "keep")
TABLES = ("engine", "default", "entities")
ENGINE_KEYS = ("floor", "skip", "needs_context", "phone_context", "countries", "phone_regions", "context")
ENTITY_KEYS = ("threshold", "operator", "label")


@dataclass(frozen=True, slots=True)
class EntityPolicy:
    """What holds for one type of entity."""

    thresholds: tuple[tuple[str, float], ...]
    operator: str
    label: str

    def threshold(self, language: str) -> float:
        """Give the score from which a finding is redacted in a language."""
        by_language = dict(self.thresholds)
        return by_language.get(language, by_language["default"])


@dataclass(frozen=True, slots=True)
class Policy:
    """A redaction policy: how to search (`engine`) and what to do with what was found."""

    engine: tuple[tuple[str, Any], ...]
    default: EntityPolicy
    entities: tuple[tuple[str, EntityPolicy], ...]

    def of(self, entity_type: str) -> EntityPolicy:
        """Give what holds for a type; the default, under its own name, where the policy does not name it."""
        known = _index(self).get(entity_type)
        return known or EntityPolicy(self.default.thresholds, self.default.operator, entity_type)

    def applies(self, entity_type: str, score: float, language: str) -> bool:
        """Say whether a finding is to be redacted."""
        entity = self.of(entity_type)
        return entity.operator != "keep" and score >= entity.threshold(language)

    def spec(self, languages: tuple[str, ...], settings: RedactionSettings) -> EngineSpec:
        """Give the engine's spec for these languages and settings."""
        engine = dict(self.engine)
        return EngineSpec(
            languages=languages,
            countries=_pairs(engine["countries"]),
            phone_regions=_pairs(engine["phone_regions"]),
            phone_context=tuple(engine["phone_context"]),
            context=_pairs(engine["context"]),
            needs_context=tuple(sorted(engine["needs_context"])),
            skip=tuple(sorted(engine["skip"])),
            rules=packaged_rules(),
            plugins=settings.recognizers,
            floor=engine["floor"],
            timeout=settings.timeout_seconds,
        )

    @property
    def fingerprint(self) -> str:
        """Give a hash of everything that decides what is done with findings."""
        return _digest(repr((self.default, self.entities)))


def detection_version(spec: EngineSpec, settings: RedactionSettings) -> str:
    """Give a hash of everything that decides what is found: rules, lists, languages, libraries and our own code."""
    libraries = (version("presidio-analyzer"), version("phonenumbers"), version("tldextract"))
    lists = sorted(word_list("allow/common_words"))
    return _digest(repr((CODE_VERSION, libraries, spec, lists, settings.custom_fields)))


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
    return parse_policy(raw)


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


def _entity(name: str, entry: dict[str, Any], base: dict[str, Any], mistakes: list[str]) -> EntityPolicy:
    mistakes += [unknown_name(f"key of {name}", key, ENTITY_KEYS) for key in entry if key not in ENTITY_KEYS]
    if entry["operator"] not in OPERATORS:
        mistakes.append(unknown_name("operator", str(entry["operator"]), OPERATORS))
    threshold = entry["threshold"]
    by_language: dict[str, Any] = threshold if isinstance(threshold, dict) else {"default": threshold}
    by_language.setdefault("default", base["threshold"])
    bad = [value for value in by_language.values() if not isinstance(value, int | float) or not 0 <= value <= 1]
    mistakes += [f"{name}: a threshold lies between 0 and 1, not {value!r}." for value in bad]
    label = str(entry.get("label", name))
    if not label.replace("_", "").isalnum() or label != label.upper():
        mistakes.append(f"{name}: a label is made of capital letters, digits and _, not {label!r}.")
    return EntityPolicy(tuple(sorted(by_language.items())), str(entry["operator"]), label)


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


@functools.lru_cache(maxsize=8)
def _index(policy: Policy) -> dict[str, EntityPolicy]:
    return dict(policy.entities)


def _pairs(table: tuple[tuple[str, Any], ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((key, tuple(values)) for key, values in table)


def _frozen(value: Any) -> Any:  # noqa: ANN401 - whatever TOML holds
    if isinstance(value, dict):
        return tuple(sorted((key, _frozen(inner)) for key, inner in value.items()))
    return tuple(value) if isinstance(value, list) else value


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
