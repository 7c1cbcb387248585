"""The Docker daemon's log and events, and the requests to it."""
