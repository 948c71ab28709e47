"""The errors of local training.

TrainingError
├── TrainingUnready     the libraries of the extra `train` are missing
├── BadTrainingFile     a line of a file is no example; the line is named, its text never
├── BadRecipe           a hyperparameter is unknown, or out of its range
└── UnknownBase         there is no such model on this machine
"""

from export.errors import ExportError


class TrainingError(ExportError):
    """Say that a model cannot be trained here as it was asked for."""

    code = "EXP-300"


class TrainingUnready(TrainingError):
    """Say that the libraries that train are not installed."""

    code = "EXP-301"


class BadTrainingFile(TrainingError):
    """Say which line of a training file cannot be learnt from, and why."""

    code = "EXP-310"


class BadRecipe(TrainingError):
    """Say which hyperparameter is unknown, or out of its range; `param` is its name."""

    code = "EXP-311"

    def __init__(self, message: str, *, hint: str = "", param: str = "hyperparameters") -> None:
        super().__init__(message, hint=hint)
        self.param = param


class UnknownBase(TrainingError):
    """Say that there is no such model on this machine."""

    code = "EXP-312"
