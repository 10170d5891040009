"""The SQL that finds rows around a point, by an index of latitude and longitude."""

from __future__ import annotations

from widget_api.geo.model import box_around


def in_box_around(lat: float, lng: float, metres: float) -> tuple[str, dict[str, float]]:
    """Return the condition that the columns `lat` and `lng` of a row lie in the box around everything within `metres`,
    and its parameters. Corners of the box are farther away."""
    south, north, spans = box_around(lat, lng, metres)
    across = " OR ".join(f"lng BETWEEN :west{at} AND :east{at}" for at in range(len(spans)))
    edges = {f"west{at}": west for at, (west, _) in enumerate(spans)}
    edges |= {f"east{at}": east for at, (_, east) in enumerate(spans)}
    return f"lat BETWEEN :south AND :north AND ({across})", {"south": south, "north": north, **edges}
