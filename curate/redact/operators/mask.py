"""Stars for letters and digits, but for the last few."""

from __future__ import annotations

MOST_SHARE = 2  # at most half of a value is shown, whatever the policy says


def mask(value: str, show_last: int) -> str:
    """Put a star for every letter and digit but the last few, and keep what stands between them."""
    places = [at for at, character in enumerate(value) if character.isalnum()]
    shown = min(show_last, len(places) // MOST_SHARE)
    hidden = set(places[: len(places) - shown])
    return "".join("*" if at in hidden else character for at, character in enumerate(value)) if places else "*"
