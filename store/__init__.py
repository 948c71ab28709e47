"""Keep everything chatmill knows in one encrypted database, and be the only room that talks to it.

This room promises: no readable text outside the workspace's store, one writer, every change in a transaction, and a
ledger that says which run made what.
"""
