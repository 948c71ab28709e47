"""What can go wrong around the rooms."""

from store.errors import UsageError


class ServiceError(UsageError):
    """Say that a command cannot be carried out on this machine."""

    code = "SRV-100"
