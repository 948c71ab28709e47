"""What can go wrong while evaluating."""

from curate.errors import CurateError


class GoldError(CurateError):
    """Say what is wrong with a gold set, a file of findings or a map of labels; by line, never with its text."""

    code = "CUR-130"
