"""The child that takes photos in, against the same work done inside a process with Pillow as it comes."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.table import Line, of_ratios
from widget_api.attachments.photos.intake import Intake

MEGABYTE = 1_000_000
SIZES = {"12 MP": (4032, 3024), "48 MP": (8064, 6048)}
BOUND = 268  # MB, which are 256 MiB

# What one would write first: open, turn, shrink, save, twice.
NAIVE = """
import io, sys
from PIL import Image, ImageOps
image = ImageOps.exif_transpose(Image.open(sys.argv[1])).convert("RGB")
picture, thumb = io.BytesIO(), io.BytesIO()
large = image.resize((2048, 2048 * image.height // image.width), Image.Resampling.LANCZOS)
large.save(picture, "JPEG", quality=82)
small = image.resize((480, 480 * image.height // image.width), Image.Resampling.LANCZOS)
small.save(thumb, "JPEG", quality=76)
"""


def photo(width: int, height: int) -> bytes:
    """As large on the disk as a camera's: grain over gradients."""
    from PIL import Image

    grain = Image.effect_noise((width // 4, height // 4), 40).resize((width, height))
    light = Image.linear_gradient("L").resize((width, height))
    out = io.BytesIO()
    Image.merge("RGB", (grain, light, grain.transpose(Image.Transpose.ROTATE_180))).save(out, "JPEG", quality=85)
    return out.getvalue()


def measure(rounds: int, folder: Path) -> list[Line]:
    lines: list[Line] = []
    for name, size in SIZES.items():
        content = photo(*size)
        (folder / "photo.jpg").write_bytes(content)
        within, apart, peak = [], [], 0
        for _ in range(rounds):
            within.append(_within(content))
            spent, taken = asyncio.run(_apart(content))
            apart.append(spent)
            peak = max(peak, taken)
        remark = f"{1000 * sorted(apart)[rounds // 2]:.0f} ms against {1000 * sorted(within)[rounds // 2]:.0f} ms"
        ratios = [one / other for one, other in zip(within, apart, strict=True)]
        lines += [
            of_ratios(f"photo of {name} in a child, against Pillow in the process", ratios, remark=remark),
            Line(name="  memory of the child, greatest", value=peak / MEGABYTE, unit="MB", most=BOUND),
            Line(name="  memory of Pillow as it comes", value=_naive(folder / "photo.jpg") / MEGABYTE, unit="MB"),
        ]
    return lines


def _within(content: bytes) -> float:
    from PIL import Image, ImageOps

    begun = time.perf_counter()
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    for longest, quality in ((2048, 82), (480, 76)):
        shrunk = image.resize((longest, longest * image.height // image.width), Image.Resampling.LANCZOS)
        shrunk.save(io.BytesIO(), "JPEG", quality=quality)
    return time.perf_counter() - begun


async def _apart(content: bytes) -> tuple[float, int]:
    begun = time.perf_counter()
    picture = await Intake().convert(content)
    return time.perf_counter() - begun, picture.peak or 0


def _naive(path: Path) -> int:
    """Bytes a process of its own takes at most; it is started small, so what it reports is its own."""
    measured = f"{NAIVE}\nprint(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    done = subprocess.run([sys.executable, "-c", measured, str(path)], capture_output=True, text=True, check=True)
    return int(done.stdout) * 1024
