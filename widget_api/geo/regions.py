"""Say where Russia and its regions lie, roughly: enough to see that a border was drawn somewhere else.

The boxes of the regions contain their settlements of 500 people and more (GeoNames, CC BY 4.0), widened to whole
degrees. A border is not compared with a region that has none here, as Chukotka, which crosses longitude 180.
"""

from __future__ import annotations

from widget_api.geo.model import Box

# West, south, east, north. The second one is the part of Chukotka beyond longitude 180.
COUNTRY: tuple[Box, ...] = ((19.0, 41.0, 180.0, 82.5), (-180.0, 60.0, -168.5, 72.0))
# The first two digits of an INN, then west, south, east, north.
_REGIONS = """
01 38 44 41 46; 02 53 51 60 57; 03 99 50 115 57; 04 84 49 90 53; 05 45 41 49 45; 06 44 42 46 44;
07 42 43 45 44; 08 41 45 48 48; 09 40 43 43 45; 10 29 60 37 67; 11 47 59 65 68; 12 46 55 50 58;
13 42 53 47 56; 14 111 56 162 72; 15 43 42 45 44; 16 47 54 55 57; 17 89 50 98 53; 18 51 56 55 59;
19 89 52 92 55; 20 44 42 47 44; 21 46 54 49 57; 22 78 50 87 54; 23 36 43 42 47; 24 80 53 103 74;
25 130 42 139 47; 26 41 43 46 46; 27 131 46 144 60; 28 121 49 134 56; 29 35 60 53 72; 30 45 45 49 49;
31 35 49 39 52; 32 31 52 35 54; 33 38 55 43 57; 34 41 47 48 51; 35 35 58 47 62; 36 38 49 43 52;
37 39 56 44 58; 38 97 51 116 62; 39 19 54 23 56; 40 33 53 38 56; 41 155 51 167 63; 42 84 52 90 57;
43 47 56 54 61; 44 40 57 48 60; 45 61 54 69 57; 46 34 51 39 53; 47 28 58 36 62; 48 37 52 41 54;
49 147 59 160 64; 50 35 54 41 57; 51 30 66 40 70; 52 42 54 48 59; 53 30 57 36 60; 54 75 53 85 57;
55 71 53 76 58; 56 51 50 61 55; 57 35 52 38 54; 58 42 52 47 54; 59 54 56 60 61; 60 27 55 32 59;
61 38 46 44 50; 62 38 53 43 56; 63 48 52 53 55; 64 42 50 51 53; 65 141 43 157 54; 66 57 56 66 62;
67 31 53 36 56; 68 40 51 43 54; 69 31 55 39 59; 70 76 55 89 61; 71 36 53 39 55; 72 65 55 71 60;
73 46 52 51 55; 74 57 52 63 57; 75 108 49 121 57; 76 37 56 41 59; 77 37 55 38 56; 78 29 59 31 61;
79 131 47 135 50; 80 108 49 121 57; 81 54 56 60 61; 82 155 51 167 63; 83 44 66 62 70; 84 80 53 103 74;
85 97 51 116 62; 86 60 58 78 65; 88 80 53 103 74; 89 63 63 79 69;
"""
REGIONS: dict[str, Box] = {
    code: (float(west), float(south), float(east), float(north))
    for code, west, south, east, north in (line.split() for line in _REGIONS.split(";") if line.strip())
}
