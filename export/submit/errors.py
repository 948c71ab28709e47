"""The errors of submitting a dataset; each says what to do next.

SubmitError
├── ProviderUnready         the SDK, the key or the address is missing, or not allowed
├── KeyRefused              401
├── TrainingNotAvailable    403 training_not_available
├── QuotaExhausted          429 insufficient_quota: waiting does not help
├── UnknownModel            the provider does not know the model, or does not tune it
├── RequestRefused          any other answer that trying again does not change
│   └── NotThere            404
├── FileRefused             the provider cannot read an uploaded file
├── CannotDo                the provider has no such call
├── Flagged                 moderation found lines that the provider would stop the job for
├── Unavailable             trying again may help; `is_unclear` where the call may have had its effect
│   ├── Busy                429
│   └── FileNotReady        an uploaded file is still being processed
├── UnknownJob              no job answers to that name
└── NotConfirmed            nobody said yes to the price
"""

from export.errors import ExportError

AGAIN = "Run the same command again later: it goes on where it was, and makes no second job."


class SubmitError(ExportError):
    """Say that a dataset cannot be handed to a provider, or a job not followed, as it was asked for."""

    code = "EXP-200"


class ProviderUnready(SubmitError):
    """Say that a provider cannot be spoken to from here yet."""

    code = "EXP-201"


class KeyRefused(SubmitError):
    """Say that the provider does not take the API key."""

    code = "EXP-210"


class TrainingNotAvailable(SubmitError):
    """Say that the provider takes no fine-tuning jobs from this organisation."""

    code = "EXP-211"


class QuotaExhausted(SubmitError):
    """Say that the account has no credit left."""

    code = "EXP-212"


class UnknownModel(SubmitError):
    """Say that the provider does not know the model, or does not tune it."""

    code = "EXP-213"


class RequestRefused(SubmitError):
    """Say that the provider refused a request, and would refuse it again."""

    code = "EXP-214"


class NotThere(RequestRefused):
    """Say that the provider has no such thing."""

    code = "EXP-215"


class FileRefused(SubmitError):
    """Say that the provider cannot read an uploaded file."""

    code = "EXP-230"


class CannotDo(SubmitError):
    """Say that a provider has no way to do this."""

    code = "EXP-216"


class Flagged(SubmitError):
    """Say that lines to train on were flagged by moderation."""

    code = "EXP-217"


class Unavailable(SubmitError):
    """Say that the provider could not be reached, or failed; trying again may help."""

    code = "EXP-220"

    def __init__(self, message: str, *, hint: str = "", wait: float | None = None, is_unclear: bool = True) -> None:
        """Keep how many seconds the provider asks to wait, and whether the call may have had its effect."""
        super().__init__(message, hint=hint)
        self.wait = wait
        self.is_unclear = is_unclear


class Busy(Unavailable):
    """Say that the provider is asked too often."""

    code = "EXP-221"


class FileNotReady(Unavailable):
    """Say that the provider is still processing an uploaded file."""

    code = "EXP-222"


class UnknownJob(SubmitError):
    """Say that no job answers to a name."""

    code = "EXP-240"


class NotConfirmed(SubmitError):
    """Say that nobody agreed to the price."""

    code = "EXP-250"
