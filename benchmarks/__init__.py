"""Measure chatmill against baselines in the same run; `make bench` runs all of it."""
