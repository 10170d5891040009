"""The map of published problems: as many marks as a view can hold, however many problems lie in it."""

from widget_api.problems.clusters.model import NAMES, View, cost, parse
from widget_api.problems.clusters.service import clusters

__all__ = ["NAMES", "View", "clusters", "cost", "parse"]
