"""Find what says the same: conversations, answers (macros), questions with their answer; always verified."""
