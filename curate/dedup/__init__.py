"""Find conversations that say the same: exactly after normalisation, or nearly by MinHash, always verified."""
