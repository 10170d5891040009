"""The published problems of a site as files: GeoJSON and CSV, written page by page."""
