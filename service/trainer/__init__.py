"""A server on this machine that speaks OpenAI's fine-tuning API, and trains: files, uploads, jobs, models, chat.

Any client that knows OpenAI's SDK can drive it. What it was given and what it made lies in one private folder, and
survives a kill: a job goes on from its last checkpoint at the next start.
"""
