"""Hand a dataset to somebody who trains: for now a rehearsal in which nothing leaves the machine."""
