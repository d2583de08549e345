"""Outcomes that other tools have recorded, as tables: one file a format.

::

    from orchestra_kit.outcomes.importing import import_outcomes

    outcomes = import_outcomes("spend.jsonl", "logs/gsm8k.eval")
    outcomes.left_out
    outcomes.write("outcomes.parquet")

What a format does not say is missing in the table: unscored, of unknown cost; never 0.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestra_kit.outcomes.importing.formats import FORMATS, detect, import_outcomes

__all__ = ["FORMATS", "detect", "import_outcomes"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("orchestra_kit.outcomes.importing.formats"), name)
