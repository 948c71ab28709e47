"""The errors of export/.

ExportError
├── NothingToExport     no conversation can become an example; the message says why
├── UnknownDataset      no dataset version answers to that name
├── DamagedDataset      a dataset's files are not the ones its manifest describes
├── NotSigned           a dataset version that must be signed is not, or may not be signed as things stand
├── FrozenDataset       a signed version cannot be written again
├── BadPrompt           the system prompt's template cannot be filled in
├── BadPlan             what the settings ask of splits or balance cannot be done
└── BadEvaluation       an evaluation file cannot be read
"""

from store.errors import UsageError


class ExportError(UsageError):
    """Say that a dataset cannot be written, found, explained or submitted as it was asked for."""

    code = "EXP-100"


class NothingToExport(ExportError):
    """Say that no conversation can become an example, and why."""

    code = "EXP-110"


class UnknownDataset(ExportError):
    """Say that no dataset version, or no line of it, answers to what was asked for."""

    code = "EXP-120"


class DamagedDataset(ExportError):
    """Say that a dataset's files are gone, or not the ones its manifest describes."""

    code = "EXP-130"


class NotSigned(ExportError):
    """Say that nobody has signed a dataset version, or that it may not be signed as things stand."""

    code = "EXP-170"


class FrozenDataset(ExportError):
    """Say that a version was signed, so its files may not be written again."""

    code = "EXP-171"


class BadPrompt(ExportError):
    """Say that the system prompt's template names something that cannot be filled in."""

    code = "EXP-140"


class BadPlan(ExportError):
    """Say that what the settings ask of splits or balance contradicts itself, or the conversations there are."""

    code = "EXP-150"


class BadEvaluation(ExportError):
    """Say that an evaluation file cannot be read; the line and its keys are named, its text never."""

    code = "EXP-160"
