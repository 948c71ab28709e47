"""What can go wrong while redacting, and the codes under which conversations are set aside."""

from curate.errors import CurateError
from store.errors import ChatmillError

TIMEOUT = "redaction.timeout"
ERROR = "redaction.error"
UNSUPPORTED_LANGUAGE = "redaction.unsupported_language"
BROKEN_JSON = "redaction.broken_json"
LEAK = "redaction.leak"


class PolicyError(CurateError):
    """Say what is wrong with a redaction policy or a recognizer pack."""

    code = "CUR-120"


class RecognizerTimeoutError(ChatmillError):
    """Say that a recognizer did not come to an end on one text; never a subclass of TimeoutError.

    Presidio catches TimeoutError, logs it and carries on as if nothing had been found (presidio-analyzer 2.2.366,
    pattern_recognizer.py). This error passes through it.
    """

    code = "CUR-121"
