"""Say with numbers whether a tuned model answers better than its base, on conversations that neither has learnt from.

`asking` puts the held-out questions to both models, resumably; `graders`, `judge` and `votes` compare the answers;
`safety` looks for what must not be in them; every figure comes with its interval (`statistics`), and `report` tells
all of it on one page. Nothing is sent anywhere but to the endpoints that somebody named.
"""
