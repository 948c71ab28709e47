"""The errors of pulling; each says what to do next.

PullError
├── PullUnready       the extra, the token, the account or the address is missing, or not allowed
├── OtherAccount      the workspace holds another account of the same source
├── TokenRefused      401
├── NotAllowed        403: the token lacks a right
├── WrongAddress      an answer that leads elsewhere
│   └── NotThere      404: no such account, or a conversation was deleted after it was listed
├── OddAnswer         an answer that is not what the API promises, or the same page over and over
└── Unavailable       trying again may help
    └── Busy          429, again and again
"""

from ingest.errors import IngestError

AGAIN = "Run the same command again later: it goes on where it was."


class PullError(IngestError):
    """Say that nothing (more) can be pulled as it was asked for."""

    code = "ING-200"


class PullUnready(PullError):
    """Say that a source cannot be spoken to from here yet."""

    code = "ING-201"


class OtherAccount(PullError):
    """Say that this workspace holds another account's conversations, whose ids would clash."""

    code = "ING-202"


class TokenRefused(PullError):
    """Say that the source does not take the token."""

    code = "ING-210"


class NotAllowed(PullError):
    """Say that the token does not allow what pulling needs."""

    code = "ING-211"


class WrongAddress(PullError):
    """Say that there is no such account, or not at this address."""

    code = "ING-212"


class NotThere(WrongAddress):
    """Say that there is nothing at a place: no such account, or a conversation was deleted after it was listed."""

    code = "ING-213"


class OddAnswer(PullError):
    """Say that the source answers what its API does not promise."""

    code = "ING-214"


class Unavailable(PullError):
    """Say that the source could not be reached, or failed, several times in a row."""

    code = "ING-220"


class Busy(Unavailable):
    """Say that the source goes on asking for fewer calls."""

    code = "ING-221"
