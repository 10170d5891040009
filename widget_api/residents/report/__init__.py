"""The report form as a page: for browsers without scripts, and wherever only a link survives."""
