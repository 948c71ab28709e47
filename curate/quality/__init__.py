"""Measure conversations once, judge them by rules whose thresholds may change without measuring again."""
