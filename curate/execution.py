"""Moved to store.workers."""

from store.workers import Workers as Workers
