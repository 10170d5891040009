"""Geometry: territories, distances, tiles and cells of the map. Independent of any feature."""
