"""Exports that people drop into the browser: kept sealed, looked at, then ingested as any other."""
