"""Check values against JSON Schemas; the one place that imports jsonschema-rs (extra `evaluate`)."""

from __future__ import annotations

from functools import cache
from typing import Any

import orjson

from export.evaluate.similarity import needed


def fits(schema: bytes, value: Any) -> bool:  # noqa: ANN401 - any JSON
    """Say whether a JSON value fits a schema, given as JSON."""
    return bool(_validator(schema).is_valid(value))


def schema_problem(schema: bytes) -> str | None:
    """Say what is wrong with a schema; None where nothing is."""
    try:
        _validator(schema)
    except ValueError as error:
        return str(error).splitlines()[0]
    return None


@cache
def _validator(schema: bytes) -> Any:  # noqa: ANN401 - the library's own
    jsonschema = needed("jsonschema_rs")

    def refuse(address: str) -> Any:  # noqa: ANN401 - what the library wants
        # Left alone it would fetch what a $ref names from the network.
        raise ValueError(f"a schema may not name another document ({address[:80]})")

    return jsonschema.validator_for(orjson.loads(schema), retriever=refuse)
