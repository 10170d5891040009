"""The ground of the map, from our own origin: a PMTiles archive, or an upstream asked once for everybody."""
