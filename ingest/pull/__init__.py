"""Pull conversations out of a helpdesk's API, because the user asked for it; what comes goes into the encrypted store.

What was pulled is read by the same connectors as a saved export. The token comes from the environment and is kept
nowhere. A pull that was stopped goes on where it was, and the next one takes only what is new.
"""
