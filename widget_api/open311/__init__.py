"""GeoReport v2: the mapping to and from it, and the server (https://wiki.open311.org/GeoReport_v2/)."""
