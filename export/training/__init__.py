"""Train a language model on chat JSON on this machine, and let it answer: with transformers, TRL and PEFT.

Only tokens of assistant messages with weight 1, and the token that ends them, are learnt. Losses are measured over
tokens, before the first step too. A kill costs at most what came after the last checkpoint. Nothing is fetched unless a
model of the hub is named with leave to fetch it; conversation text stands in no log and no error.
"""
