"""How a conversation is written for a trainer: one module a format."""
