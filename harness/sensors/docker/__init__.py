"""What the Docker daemon tells, and what is asked of it."""
