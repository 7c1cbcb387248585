"""What is done to this machine, and how it is undone."""
