"""What the API server tells."""
