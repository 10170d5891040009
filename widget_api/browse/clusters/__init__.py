"""The map of published problems: as many marks as a view can hold, however many problems lie in it."""

from widget_api.browse.clusters.model import View, cost, parse
from widget_api.browse.clusters.service import clusters

__all__ = ["View", "clusters", "cost", "parse"]
