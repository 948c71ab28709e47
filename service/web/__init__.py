"""The web service: pages for people and an API for scripts, over one open store.

It promises: nothing without signing in, originals to those alone who may reveal them, every change in the history with
who made it, and no request to anywhere else.
"""
