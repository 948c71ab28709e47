"""The command line over all rooms, and what it takes to run them as one."""
