"""Teach the name model from what people accepted and rejected; what is learned stays in the workspace."""
