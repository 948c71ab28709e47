"""What can go wrong with work in the background."""

from service.errors import ServiceError
from store.errors import ChatmillError


class Cancelled(ChatmillError):
    """Say that somebody stopped the work, or the server is stopping; no room may take this for bad input."""

    code = "SRV-200"


class UnknownWork(ServiceError):
    """Say that there is no such kind of work, or no such task."""

    code = "SRV-201"
    status = 404


class NotNow(ServiceError):
    """Say that a task cannot be cancelled or resumed as it stands."""

    code = "SRV-202"
    status = 409
