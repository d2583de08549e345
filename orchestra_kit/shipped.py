"""Where the notebooks, report templates and examples are: in a checkout, or inside the wheel."""

from __future__ import annotations

from pathlib import Path

__all__ = ["path"]

_PACKAGE = Path(__file__).resolve().parent


def path(name: str) -> Path:
    """The shipped file or folder of that name, such as ``examples/contentforge``.

    Raises FileNotFoundError where this installation does not have it.
    """
    for root in (_PACKAGE.parent, _PACKAGE / "shipped"):
        found = root / name
        if found.exists():
            return found
    raise FileNotFoundError(f"this installation does not hold {name}; install it again")
