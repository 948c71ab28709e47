"""What is known about the models that can be tuned: encoding, limits, prices, and the days they end.

Nothing here is fetched. Prices are those of OpenAI's pricing page as copied in mid-2025 (USD for a million trained
tokens); the days are those of OpenAI's deprecations page as of 2026-06-27 and its announcement of 2026-10-14.
"""

from dataclasses import dataclass, replace
from datetime import date

PRICE_SOURCE = "OpenAI pricing page"
PRICE_DATE = date(2025, 7, 1)
SHUTDOWN_SOURCE = "OpenAI deprecations page, announcements of 2026-05-07 and 2026-10-14"
NEW_CUSTOMERS_REFUSED = date(2026, 5, 7)
JOBS_END = date(2027, 1, 6)

# An example beyond this is cut at its end without a word, so the answer to learn is what gets lost (OpenAI's
# fine-tuning best practices, gpt-4o and gpt-4.1).
MAX_EXAMPLE_TOKENS = 65_536

DEFAULT_MODEL = "gpt-4.1-mini-2025-04-14"
_OLD_ENCODING = "cl100k_base"
_ENCODING = "o200k_base"


@dataclass(frozen=True, slots=True)
class Model:
    """One model: `usd_per_million` is the price of training, None where we know of none."""

    name: str
    encoding: str = _ENCODING
    max_example_tokens: int = MAX_EXAMPLE_TOKENS
    usd_per_million: float | None = None
    shutdown: date | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """What training would cost: `usd` is None where the model's price is unknown. Validation is not charged."""

    model: str
    tokens: int
    epochs: int
    usd_per_million: float | None
    usd: float | None
    price_date: date = PRICE_DATE
    price_source: str = PRICE_SOURCE

    @property
    def trained_tokens(self) -> int:
        """Give the tokens that are charged: those of the training file, once an epoch."""
        return self.tokens * self.epochs


_END_2026 = date(2026, 10, 23)
_END_2027 = date(2027, 1, 14)
KNOWN = {
    model.name: model
    for model in (
        Model("gpt-4.1-2025-04-14", usd_per_million=25.0, shutdown=_END_2027),
        Model("gpt-4.1-mini-2025-04-14", usd_per_million=5.0, shutdown=_END_2027),
        Model("gpt-4.1-nano-2025-04-14", usd_per_million=1.5, shutdown=_END_2026),
        Model("gpt-4o-2024-08-06", usd_per_million=25.0, shutdown=_END_2027),
        Model("gpt-4o-mini-2024-07-18", usd_per_million=3.0, shutdown=_END_2027),
        Model("gpt-3.5-turbo-0125", _OLD_ENCODING, 16_385, usd_per_million=8.0, shutdown=_END_2026),
    )
}
_ALIASES = {
    "gpt-4.1": "gpt-4.1-2025-04-14",
    "gpt-4.1-mini": "gpt-4.1-mini-2025-04-14",
    "gpt-4.1-nano": "gpt-4.1-nano-2025-04-14",
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "gpt-3.5-turbo": "gpt-3.5-turbo-0125",
}
# USD for a million tokens of prompts and of answers, of the model itself and of its fine-tunes. Of the same pricing
# page; those of the models themselves, of nano and of 3.5 from memory.
_ANSWERS = {
    "gpt-4.1-2025-04-14": ((2.0, 8.0), (3.0, 12.0)),
    "gpt-4.1-mini-2025-04-14": ((0.4, 1.6), (0.8, 3.2)),
    "gpt-4.1-nano-2025-04-14": ((0.1, 0.4), (0.2, 0.8)),
    "gpt-4o-2024-08-06": ((2.5, 10.0), (3.75, 15.0)),
    "gpt-4o-mini-2024-07-18": ((0.15, 0.6), (0.3, 1.2)),
    "gpt-3.5-turbo-0125": ((0.5, 1.5), (3.0, 6.0)),
}


def base_name(name: str) -> str:
    """Give the model under a fine-tune: `ft:gpt-4.1-2025-04-14:org::id` and Azure's `gpt-4.1-2025-04-14.ft-id`.

    >>> base_name("ft:gpt-4o-mini-2024-07-18:acme::abc")
    'gpt-4o-mini-2024-07-18'
    """
    return name.removeprefix("ft:").split(":", 1)[0].split(".ft-", 1)[0]


def encoding_of(name: str) -> str:
    """Give the name of the model's encoding; what we do not know is taken for a new model.

    Our own map, because tiktoken 0.14 counts fine-tunes of gpt-4.1 with the old encoding and knows no newer model.
    """
    base = base_name(name)
    old = base in ("gpt-4", "davinci-002", "babbage-002") or base.startswith(("gpt-4-", "gpt-3.5", "gpt-35"))
    return _OLD_ENCODING if old else _ENCODING


def find(name: str) -> Model:
    """Look a model up by its name, its alias or a fine-tune of it; an unknown one has no price and no end."""
    base = base_name(name)
    known = KNOWN.get(_ALIASES.get(base, base))
    return replace(known, name=name) if known else Model(name, encoding_of(name))


def default_epochs(examples: int) -> int:
    """Give the epochs that "auto" comes to (the rule of OpenAI's cookbook on preparing chat data).

    Three, but small sets are repeated up to 25 times towards 100 examples, and large ones are held to 25,000.
    """
    if examples <= 0:
        return 0
    if examples * 3 < 100:
        return min(25, 100 // examples)
    if examples * 3 > 25_000:
        return max(1, 25_000 // examples)
    return 3


def cost(name: str, *, tokens: int, epochs: int) -> Cost:
    """Price the training of `tokens` tokens for `epochs` epochs on a model."""
    price = find(name).usd_per_million
    usd = None if price is None else round(tokens * epochs * price / 1_000_000, 2)
    return Cost(name, tokens, epochs, price, usd)


def price_table(*, tokens: int, epochs: int) -> list[Cost]:
    """Price the same training on every model whose price is known, the cheapest first."""
    costs = [cost(name, tokens=tokens, epochs=epochs) for name in KNOWN]
    return sorted(costs, key=lambda item: (item.usd_per_million or 0.0, item.model))


def answers_usd(name: str, *, prompt_tokens: float, answer_tokens: float) -> float | None:
    """Price answers of a model, or of a fine-tune of it; None where its price is not known."""
    base = base_name(name)
    known = _ANSWERS.get(_ALIASES.get(base, base))
    if known is None:
        return None
    prompt, answer = known[1] if base != name else known[0]
    return (prompt_tokens * prompt + answer_tokens * answer) / 1_000_000


def shutdown_warnings(name: str, *, today: date) -> list[str]:
    """Say what is ending, or has ended, for a model on a day: the platform's jobs, and the model itself."""
    model = find(name)
    if model.shutdown is None:
        return []
    if today >= model.shutdown:
        return [f"{name} was shut down on {model.shutdown}; it can be neither tuned nor used."]
    days = (model.shutdown - today).days
    warnings = [f"{name} and every fine-tune of it end on {model.shutdown}, in {days} days."]
    if today >= JOBS_END:
        warnings.append(f"OpenAI has taken no fine-tuning jobs since {JOBS_END}.")
    else:
        left = (JOBS_END - today).days
        warnings.append(f"OpenAI takes no more fine-tuning jobs from {JOBS_END}, in {left} days.")
    if NEW_CUSTOMERS_REFUSED <= today < JOBS_END:
        warnings.append(
            f"Since {NEW_CUSTOMERS_REFUSED} organisations that never tuned a model are refused "
            "(403 training_not_available)."
        )
    return warnings
