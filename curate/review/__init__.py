"""What people decide on redactions: the queue, conversations with their findings, patterns, lists; all append-only."""
