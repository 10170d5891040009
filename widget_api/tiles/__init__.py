"""The base map's tiles, served from this origin out of a PMTiles archive or of an upstream tile server."""
