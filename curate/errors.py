"""What can go wrong while curating."""

from store.errors import UsageError


class CurateError(UsageError):
    """Say that curation cannot go on as it was asked for."""

    code = "CUR-100"


class RulesError(CurateError):
    """Say what is wrong in the rule packs, all of it at once."""

    code = "CUR-110"
