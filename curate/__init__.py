"""Decide what may be exported and why: language, duplicates, redaction, quality, each only over what changed."""
