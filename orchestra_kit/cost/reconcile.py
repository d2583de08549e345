"""What a provider says a call cost, beside what we compute: which of the two counts, and how far
they lie apart."""

from __future__ import annotations

from decimal import Decimal

__all__ = ["GAP_ALARM", "gap", "preferred"]

GAP_ALARM = 0.01
"""A gap of more than this means that the price book, or the reading of the usage, is wrong."""


def preferred(reported: Decimal | None, computed: Decimal | None) -> Decimal | None:
    """The provider's own figure in dollars, which is what it bills; ours where it states none."""
    return computed if reported is None else reported


def gap(reported: Decimal | None, computed: Decimal | None) -> float | None:
    """The difference of the two as a share of the larger, 0-1; None where one is unknown.

    Of the larger, so that it is the same whichever is wrong, and finite where one is $0.
    """
    if reported is None or computed is None:
        return None
    larger = max(abs(reported), abs(computed))
    return float(abs(reported - computed) / larger) if larger else 0.0
