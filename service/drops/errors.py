"""What can go wrong with what people drop in."""

from service.errors import ServiceError


class UnknownDrop(ServiceError):
    """Say that there is no such drop, or file in it."""

    code = "DRP-404"
    status = 404


class DropClosed(ServiceError):
    """Say that a drop takes no more files: it is being imported, or is."""

    code = "DRP-409"
    status = 409


class NoRoom(ServiceError):
    """Say that the disk has no room for a file."""

    code = "DRP-507"
    status = 507


class BadName(ServiceError):
    """Say that a file's name leads out of the drop."""

    code = "DRP-400"
    status = 400
