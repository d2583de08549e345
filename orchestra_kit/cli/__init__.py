"""Floor 5: the command ``orchestra``, one file a group of commands.

Exit status: 0 done, 1 a check failed (a target missed, a finding of weight), 2 bad input.
"""

from __future__ import annotations

from orchestra_kit.cli.app import main

__all__ = ["main"]
