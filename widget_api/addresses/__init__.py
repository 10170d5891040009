"""Find houses of a town: by an address as residents type it, and by a point of the map.

An operator loads the addresses of a site from a file (`widget-api addresses load`). No other host is
asked: neither what a resident types nor where they stand leaves the service (docs/decisions/0102-addresses.md).
"""
