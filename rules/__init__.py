"""The rule packs that come with chatmill: TOML and word lists, read with importlib.resources."""
