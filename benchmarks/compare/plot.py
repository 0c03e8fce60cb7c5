"""The scaling curves as an SVG: one panel an input that is varied, ours and the SDK, both axes logarithmic."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from benchmarks.compare.measurements.scaling_points import SWEEPS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_WIDTH: Final = 360
_HEIGHT: Final = 250
_LEFT: Final = 58
_RIGHT: Final = 16
_TOP: Final = 34
_BOTTOM: Final = 40
_COLOURS: Final = {"sdk": "#c2551d", "ours": "#3f51b5"}
_NAMES: Final = {"ours": "fapilog_otel", "sdk": "SDK"}
_STYLE: Final = (
    "text{font:11px sans-serif;fill:#444}.title{font-weight:bold;font-size:12px}.grid{stroke:#ddd}"
    ".curve{fill:none;stroke-width:2}"
)


@dataclass(frozen=True, slots=True)
class Scale:
    """Values to pixels, by their logarithm.

    Args:
        low: The value at ``begin``; above 0.
        high: The value at ``end``; above ``low``.
        begin: Pixel.
        end: Pixel.
    """

    low: float
    high: float
    begin: float
    end: float

    def at(self, value: float) -> float:
        """Give the pixel of a value."""
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.begin + share * (self.end - self.begin)


def draw(points: Sequence[Mapping[str, Any]]) -> str:
    """Give the picture.

    Args:
        points: Of the scaling measurement; those of no sweep are left out.
    """
    panels = [[point for point in points if point["sweep"] == sweep] for sweep in SWEEPS]
    rates = [point[side]["rate"] for panel in panels for point in panel for side in _COLOURS]
    low, high = 10 ** math.floor(math.log10(min(rates))), 10 ** math.ceil(math.log10(max(rates)) + 1e-9)
    width, height = _WIDTH * 2, _HEIGHT * 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f"<style>{_STYLE}</style>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for index, (title, panel) in enumerate(zip(SWEEPS.values(), panels, strict=True)):
        left, top = index % 2 * _WIDTH, index // 2 * _HEIGHT
        parts.append(f'<g transform="translate({left} {top})">')
        parts += _panel(title, panel, Scale(low, high, _HEIGHT - _BOTTOM, _TOP))
        parts.append("</g>")
    return "\n".join([*parts, "</svg>", ""])


def _panel(title: str, points: Sequence[Mapping[str, Any]], rates: Scale) -> Iterator[str]:
    places = [
        _LEFT + 20 + index * (_WIDTH - _LEFT - _RIGHT - 40) / max(len(points) - 1, 1) for index in range(len(points))
    ]
    yield f'<text class="title" x="{_LEFT}" y="18">records/s by {title}</text>'
    right = _WIDTH - _RIGHT
    for side, colour in _COLOURS.items():
        yield f'<text x="{right}" y="18" text-anchor="end" style="fill:{colour}">{_NAMES[side]}</text>'
        right -= 40
    for power in range(round(math.log10(rates.low)), round(math.log10(rates.high)) + 1):
        height = rates.at(10**power)
        yield f'<line class="grid" x1="{_LEFT}" y1="{height:.1f}" x2="{_WIDTH - _RIGHT}" y2="{height:.1f}"/>'
        yield f'<text x="{_LEFT - 6}" y="{height + 4:.1f}" text-anchor="end">{_short(10**power)}</text>'
    for place, point in zip(places, points, strict=True):
        yield f'<text x="{place:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{point["label"]}</text>'
    for side, colour in _COLOURS.items():
        dots = [(place, rates.at(point[side]["rate"])) for place, point in zip(places, points, strict=True)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
        yield f'<polyline class="curve" stroke="{colour}" points="{line}"/>'
        yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in dots)


def _short(value: int) -> str:
    return f"{value // 1_000_000} M" if value >= 1_000_000 else f"{value // 1_000} k" if value >= 1_000 else str(value)
