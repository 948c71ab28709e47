"""Cleaning of a turn's text: HTML, quoted mail, signatures, broken encodings, invisible characters."""
