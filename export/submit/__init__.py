"""Hand a dataset to somebody who trains: rehearse it, make exactly one job of it, follow the job to its end.

`dry_run` sends nothing. `submitting` uploads and creates, each once over any number of tries and kills; `following`
stores events and figures until the job is over. Whoever fulfils `provider.Provider` can be submitted to.
"""
