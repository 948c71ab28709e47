"""What can go wrong while reading exports."""

from store.errors import UsageError


class IngestError(UsageError):
    """Say that a file, folder or archive cannot be ingested as a whole."""

    code = "ING-100"


class UnknownConnector(IngestError):
    """Say that no connector has the name that was asked for."""

    code = "ING-101"


class NothingRead(IngestError):
    """Say that no conversation came of what was given."""

    code = "ING-103"


class MappingNeeded(IngestError):
    """Say that the columns of a file could not be told with certainty, and what to do."""

    code = "ING-102"
