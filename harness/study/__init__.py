"""What is asked of many verdicts."""
