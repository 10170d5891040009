"""Places on the globe: the territory of a site, distances, what a map shows. Knows no feature."""
