"""From the raw files of a recording to the rows of tables."""
