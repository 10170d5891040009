"""GeoReport v2 (https://wiki.open311.org/GeoReport_v2/): the server, and the mapping of problems to and from it."""
