"""What atomics run against: a Docker host and a cluster."""
