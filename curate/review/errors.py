"""What can go wrong while people review."""

from curate.errors import CurateError


class ReviewError(CurateError):
    """Say that a decision cannot be taken as it was asked for."""

    code = "CUR-160"


class UnknownItem(ReviewError):
    """Say that there is no such conversation, finding, pattern or decision."""

    code = "CUR-161"


class Reserved(ReviewError):
    """Say that somebody else has the conversation just now."""

    code = "CUR-162"


class Overtaken(ReviewError):
    """Say that somebody else decided on it after the page was loaded."""

    code = "CUR-163"
