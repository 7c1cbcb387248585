"""A Docker host, and what is made on it."""
