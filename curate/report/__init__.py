"""Show what curation decided, in pictures and tables, never with an original value."""
