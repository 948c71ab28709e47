"""The errors of comparing models.

EvaluateError
├── NothingToCompare    the split holds no answers, or neither model gave any
├── BadGraders          a grader, probe or swap in rules/evaluation says what cannot be done
├── NotInstalled        a library of the extra `evaluate` is missing
├── Interrupted         the endpoint fails; what was answered is kept
└── NotToBeVoted        a vote is on a pair that is not there
"""

from export.errors import ExportError

AGAIN = "Run the same command again: what was answered is kept, and only the rest is asked."


class EvaluateError(ExportError):
    """Say that models cannot be compared as it was asked for."""

    code = "EXP-400"


class NothingToCompare(EvaluateError):
    """Say that there is nothing to compare the models on."""

    code = "EXP-410"


class BadGraders(EvaluateError):
    """Say what is wrong in a file of rules/evaluation."""

    code = "EXP-420"


class NotInstalled(EvaluateError):
    """Say that a library is missing."""

    code = "EXP-430"


class Interrupted(EvaluateError):
    """Say that an endpoint could not be asked to the end."""

    code = "EXP-440"


class NotToBeVoted(EvaluateError):
    """Say that there is no such pair of answers to vote on."""

    code = "EXP-450"
