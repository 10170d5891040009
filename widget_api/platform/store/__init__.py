"""All SQL of platforms, by subject."""
