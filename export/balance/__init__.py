"""Take of the kept conversations as many of each kind as chatmill.toml asks for, and say what was given up."""
