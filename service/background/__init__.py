"""Long work inside the server: one piece at a time, with progress, that can be cancelled and survives a restart."""
