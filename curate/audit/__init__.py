"""The audit: how much of what is personal does redaction find in this workspace's own conversations?

Canaries are invented values, planted into copies of real turns in memory; a blind sample of turns waits for people.
Figures and keys of turns are stored, never a text.
"""
