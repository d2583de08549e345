"""Which model answers what, what happens when it fails, what it costs, and whether quality holds.

::

    from orchestra_kit import Orchestra, Policy

The names below are imported when they are first used, so that ``import orchestra_kit`` is quick
and needs neither numpy nor pandas.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestra_kit.core.decision import Decision
    from orchestra_kit.core.errors import ConfigError, OrchestraError
    from orchestra_kit.core.reply import Reply
    from orchestra_kit.core.request import Request
    from orchestra_kit.engine.orchestra import Orchestra
    from orchestra_kit.policy.policy import Policy

__version__ = "0.1.0"

_HOME = {
    "ConfigError": "orchestra_kit.core.errors",
    "Decision": "orchestra_kit.core.decision",
    "Orchestra": "orchestra_kit.engine.orchestra",
    "OrchestraError": "orchestra_kit.core.errors",
    "Policy": "orchestra_kit.policy.policy",
    "Reply": "orchestra_kit.core.reply",
    "Request": "orchestra_kit.core.request",
}

__all__ = [
    "ConfigError",
    "Decision",
    "Orchestra",
    "OrchestraError",
    "Policy",
    "Reply",
    "Request",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
