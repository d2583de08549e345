"""The process that executes a report's notebook: this interpreter, with nothing of the user's.

A kernel named ``python3`` in the user's own Jupyter folder may point anywhere; a report must run
with the packages it was asked from. Start-up files, history and settings of IPython would make
one person's report differ from another's, so they are left out, and so are all variables of the
environment that are not needed: a report calls no model and needs no key.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

__all__ = ["ReportKernel", "kernel_environment"]

_PASSED_ON = {
    "PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TEMP",
    "TMP", "HOME", "USERPROFILE", "SYSTEMROOT", "MPLCONFIGDIR", "XDG_CACHE_HOME", "PYTHONPATH",
    "PYTHONHOME", "VIRTUAL_ENV",
}  # fmt: skip
"""PYTHONPATH is kept so that a package found by the caller is found by the kernel."""


class ReportKernel(AsyncKernelManager):
    """Starts the running interpreter, whatever kernels are installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """The specification of the running interpreter."""
        return KernelSpec(
            argv=[
                sys.executable,
                "-m",
                "ipykernel_launcher",
                "-f",
                "{connection_file}",
                "--log-level=ERROR",
            ],
            display_name="Python 3",
            language="python",
        )


def kernel_environment(folder: Path, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What the kernel is told of the world; `folder` takes the files that Jupyter writes."""
    kept = {name: value for name, value in environment.items() if name.upper() in _PASSED_ON}
    own = {
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "MPLBACKEND": "agg",
        "PYTHONHASHSEED": "0",
        "TZ": "UTC",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    return kept | own
