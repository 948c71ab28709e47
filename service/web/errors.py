"""What can go wrong between a browser or script and the service; each has its HTTP status."""

from service.errors import ServiceError


class WebError(ServiceError):
    """Say that a request cannot be carried out."""

    code = "WEB-100"
    status = 400


class NotSignedIn(WebError):
    """Say that nobody is signed in, or no longer."""

    code = "WEB-401"
    status = 401


class NotAllowed(WebError):
    """Say that the person's role does not allow this."""

    code = "WEB-403"
    status = 403


class OtherSite(WebError):
    """Say that another site sent this request."""

    code = "WEB-410"
    status = 403


class NotThere(WebError):
    """Say that there is no such page or thing."""

    code = "WEB-404"
    status = 404


class Conflict(WebError):
    """Say that things changed since the form was shown, or that this is done already."""

    code = "WEB-409"
    status = 409


class TooLarge(WebError):
    """Say that there is no room for what is sent."""

    code = "WEB-413"
    status = 413


class TooMany(WebError):
    """Say that somebody tries too often."""

    code = "WEB-429"
    status = 429

    def __init__(self, message: str, *, hint: str = "", retry_after: int) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class Busy(WebError):
    """Say that the server cannot take this now."""

    code = "WEB-503"
    status = 503
