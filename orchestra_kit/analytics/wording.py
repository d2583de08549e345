"""How figures read in sentences and tables: three significant figures, units, and intervals."""

from __future__ import annotations

import math

from orchestra_kit.analytics.changes import Change
from orchestra_kit.analytics.measures import Measure, Unit
from orchestra_kit.core.money import format_usd
from orchestra_kit.outcomes.statistics import Estimate

__all__ = [
    "UNKNOWN",
    "change_interval_text",
    "change_text",
    "count_text",
    "figure",
    "interval_text",
    "limit_text",
    "share_text",
    "times_text",
]

UNKNOWN = "–"


def figure(value: float, unit: Unit) -> str:
    """A value with its unit: ``99.72 %``, ``12.4 s``, ``$0.0391``, ``0.861``."""
    if math.isnan(value):
        return UNKNOWN
    if unit == "share":
        return share_text(value)
    if unit == "seconds":
        return f"{_three(value)} s"
    if unit == "dollars":
        return format_usd(value)
    return f"{value:.3f}"


def share_text(value: float) -> str:
    """A share as per cent, with more places near 0 and 100 %, where they matter."""
    if math.isnan(value):
        return UNKNOWN
    return f"{100 * value:.{_places(value)}f} %".replace("-", "−")


def limit_text(value: float, unit: Unit) -> str:
    """A limit as a person wrote it: ``99.5 %``, ``40 s``, ``$0.05``, ``0.84``."""
    if unit == "share":
        return f"{100 * value:.6g} %"
    if unit == "seconds":
        return f"{value:g} s"
    if unit == "dollars":
        return f"${value:,.2f}" if value >= 1 else f"${value:.6g}"
    return f"{value:g}"


def interval_text(found: Estimate, unit: Unit) -> str:
    """The 95 % interval: ``99.65 to 99.78 %``."""
    if found.interval is None:
        return ""
    if unit == "share":
        places = max(_places(end) for end in found.interval)
        low, high = (f"{100 * end:.{places}f}" for end in found.interval)
        return f"{low} to {high} %".replace("-", "−")
    low, high = (figure(end, unit) for end in found.interval)
    return f"{low.removesuffix(' s')} to {high}"


def change_text(change: Change) -> str:
    """A change with its sign: ``+3.1 %`` of seconds or dollars, ``−0.12 points`` of a share."""
    return _change_figure(change.change.value, change.measure)


def change_interval_text(change: Change) -> str:
    """The 95 % interval of a change."""
    if change.change.interval is None:
        return ""
    low, high = (_change_figure(end, change.measure) for end in change.change.interval)
    for unit in (" points", " %"):
        if low.endswith(unit):
            low = low.removesuffix(unit)
    return f"{low} to {high}"


def count_text(count: int, noun: str = "") -> str:
    """A count with separators and, where given, its noun: ``1 request``, ``35,000 requests``."""
    if not noun:
        return f"{count:,}"
    return f"{count:,} {noun if count == 1 else noun + 's'}"


def times_text(count: int) -> str:
    """``once``, ``twice``, ``92 times``."""
    return "once" if count == 1 else "twice" if count == 2 else f"{count:,} times"


def _places(share: float) -> int:
    """Decimals of a share in per cent: more near 0 and 100 %, where they matter."""
    near = min(abs(share), abs(1 - share))
    return 2 if near < 0.02 else 1


def _change_figure(value: float, measure: Measure) -> str:
    if math.isnan(value):
        return UNKNOWN
    if measure.unit == "score":
        size, unit = f"{abs(value):.3f}", ""
    else:
        scaled = 100 * abs(value)
        size = f"{scaled:.{1 if scaled >= 1 else 2}f}"
        unit = " %" if measure.relative else " points"
    sign = "" if float(size) == 0 else "+" if value > 0 else "−"
    return f"{sign}{size}{unit}"


def _three(value: float) -> str:
    size = abs(value)
    if size == 0:
        return "0"
    places = max(0, 2 - math.floor(math.log10(size)))
    return f"{value:,.{min(places, 4)}f}".replace("-", "−")
