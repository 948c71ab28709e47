"""What a job would cost at each provider, as far as a figure is known; an unknown price is said to be unknown."""

from __future__ import annotations

from datetime import date

from export.models import Cost, cost
from export.submit.capabilities import capabilities_of

UNKNOWN = {
    "azure": "Azure's prices differ by region and training type, and hosting a tuned model is charged by the hour",
    "nebius": "Nebius's price page was not read",
    "together": "Together's prices go by the model's size, and it charges validation too; it is asked for an estimate "
    "once the files are there, before the job is made",
    "fireworks": "Fireworks' prices go by the model's size; it tells the cost with the job",
}
READ = date(2026, 11, 21)


def price(provider: str, model: str, *, tokens: int, epochs: int) -> Cost:
    """Price the training of `tokens` tokens for `epochs` epochs at a provider; `usd` None is not known.

    OpenAI's figures are those of export/models.py. This machine costs nothing but its time.

    Raises:
        SubmitError: there is no such provider.
    """
    if capabilities_of(provider).is_free:
        return Cost(model, tokens, epochs, 0.0, 0.0, READ, "this machine")
    if provider == "openai":
        return cost(model, tokens=tokens, epochs=epochs)
    return Cost(model, tokens, epochs, None, None, READ, UNKNOWN[provider])
