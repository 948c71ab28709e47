"""Evaluation: how much of what people marked as personal is redacted, and how sure a figure is.

Figures only: no text of a gold set is stored, written or given as JSON; single misses are shown in the terminal, on
request.
"""
