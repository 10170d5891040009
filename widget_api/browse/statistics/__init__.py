"""What a city can be told about itself: counts that are kept as problems change, read in the time of a few rows."""
