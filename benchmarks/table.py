"""What was measured against what was promised, a line each."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Line:
    """`least` or `most` is the budget; a line without one informs only."""

    name: str
    value: float
    unit: str = "×"
    spread: tuple[float, float] | None = None
    least: float | None = None
    most: float | None = None
    remark: str = ""

    @property
    def mark(self) -> str:
        if self.least is None and self.most is None:
            return ""
        met = (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)
        return "PASS" if met else "miss"

    @property
    def budget(self) -> str:
        if self.least is not None:
            return f"≥ {self.least:g} {self.unit}"
        return f"≤ {self.most:g} {self.unit}" if self.most is not None else ""


def of_ratios(name: str, ratios: Sequence[float], **more: float | str) -> Line:
    """The median of ratios that were each measured side by side, with their quartiles."""
    low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else (ratios[0],) * 3
    return Line(name=name, value=statistics.median(ratios), spread=(low, high), **more)  # type: ignore[arg-type]


def show(title: str, lines: Sequence[Line]) -> None:
    print(f"\n{title}", flush=True)
    width = max(len(line.name) for line in lines)
    for line in lines:
        value = f"{line.value:.3g} {line.unit}" if line.value < 1000 else f"{line.value:,.0f} {line.unit}"
        spread = f"{line.spread[0]:.2f}–{line.spread[1]:.2f}" if line.spread else ""
        print(
            f"  {line.name:{width}}  {value:>9}  {spread:>11}  {line.budget:>9}  {line.mark:4}  {line.remark}".rstrip(),
            flush=True,
        )
