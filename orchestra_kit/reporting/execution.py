"""Executing a report's notebook: in this process by papermill, in a kernel of its own."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError

from orchestra_kit.core.errors import ReportError
from orchestra_kit.reporting.kernel import ReportKernel, kernel_environment
from orchestra_kit.reporting.privacy import public_text

__all__ = ["execute"]

_START_SECONDS = 60
_LONGEST_CAUSE = 300


def execute(
    notebook: Path, parameters: Mapping[str, object], *, deadline_seconds: float
) -> NotebookNode:
    """The executed notebook; its file is not touched and its own outputs are dropped first.

    Raises ReportError when a cell fails, when the kernel dies, and when the whole takes longer
    than `deadline_seconds`. The kernel has ended when this returns.
    """
    ends = time.monotonic() + deadline_seconds

    def left(_cell: object = None) -> int:
        return max(1, round(ends - time.monotonic()))

    with _folder() as folder, _environment(folder), _quiet():
        # A copy, because papermill reads braces in a path as places for parameters.
        source = shutil.copyfile(notebook, folder / "report.ipynb")
        with _told(deadline_seconds):
            executed: NotebookNode = papermill.execute_notebook(
                str(source),
                None,
                parameters=dict(parameters),
                kernel_name="python3",
                language="python",
                progress_bar=False,
                start_timeout=min(_START_SECONDS, left()),
                timeout_func=left,
                kernel_manager_class=ReportKernel,
                shutdown_kernel="immediate",
                cwd=str(folder),
            )
            return executed


@contextmanager
def _folder() -> Iterator[Path]:
    folder = tempfile.mkdtemp(prefix="orchestra-report-")
    try:
        yield Path(folder)
    finally:
        # A kernel that was killed may still be writing its history; the rest is the system's.
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _environment(folder: Path) -> Iterator[None]:
    """The environment that the kernel inherits, for as long as it is needed."""
    before = dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(kernel_environment(folder, before))
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _quiet() -> Iterator[None]:
    """papermill and traitlets log every step; what matters is raised."""
    loggers = [logging.getLogger(name) for name in ("papermill", "traitlets", "asyncio")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


@contextmanager
def _told(deadline_seconds: float) -> Iterator[None]:
    """Failures of the execution in the reader's words."""
    try:
        yield
    except PapermillExecutionError as error:
        raise ReportError(_cause(error)) from error
    except DeadKernelError as error:
        raise ReportError(
            "The process that makes the report died, perhaps for want of memory.",
            hint="Free memory or report a store with fewer requests, then try again.",
        ) from error
    except (CellTimeoutError, TimeoutError) as error:
        raise ReportError(f"The report took longer than {deadline_seconds:g} s.") from error
    except RuntimeError as error:
        raise ReportError(
            f"The process that makes the report did not start within {_START_SECONDS} s.",
            hint="Try again when the machine is less busy.",
        ) from error


def _cause(error: PapermillExecutionError) -> str:
    """The failure in a sentence, without its traceback."""
    said = " ".join(public_text(str(error.evalue)).split())[:_LONGEST_CAUSE]
    return f"The report could not be made ({error.ename}): {said}"
