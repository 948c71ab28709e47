"""Read raw exports into the store: every record is stored, or stands in `rejects` with its file, place and code."""
