"""Which formats can be imported, which one a file is in, and tables of files in several."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, cast

from orchestra_kit.core.errors import Problem, TableError
from orchestra_kit.outcomes.importing.batch import Batch, outcomes_of
from orchestra_kit.outcomes.importing.records import forget
from orchestra_kit.outcomes.table import Outcomes

__all__ = ["FORMATS", "detect", "import_outcomes"]

FORMATS = MappingProxyType(
    {
        "schema": "tables of outcomes in Parquet, as Outcomes.write makes them",
        "wide": "RouterBench-style tables, a column for each model (CSV, Parquet)",
        "suite": "runs of our own suites (JSON, or a store)",
        "litellm": "spend logs of the LiteLLM proxy (CSV, JSON, JSON lines)",
        "otel": "OpenTelemetry spans of model calls (OTLP JSON, JSON lines)",
        "inspect": "logs of inspect_ai (.eval, .json)",
        "promptfoo": "results of promptfoo (JSON, JSON lines)",
    }
)
"""Name and description, in the order in which a file is tried."""

_MODULES = {"inspect": "inspect_ai"}
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


class _Format(Protocol):
    def detect(self, path: Path) -> bool: ...
    def find(self, path: Path) -> Batch: ...


def import_outcomes(*paths: Path | str, format: str | None = None) -> Outcomes:
    """The outcomes of files in any of the formats, as one table of one source.

    Each file is in `format`, or in the one that it is found to be in. Files of other tools are
    taken together: a query that a model answered in several becomes as many (``q``, ``q #2``).
    `Outcomes.left_out` says what could not be taken over. Raises TableError, with every fault of
    every file, for one that is absent or in no known format, and for sources that are mixed.
    """
    if not paths:
        raise TableError("There is nothing to import; name at least one file.")
    files = [Path(path) for path in paths]
    try:
        named = _named(files, format)
        tables = [path for path, name in named if name == "schema"]
        batches = _found((path, name) for path, name in named if name != "schema")
        parts = [Outcomes.read(*tables)] if tables else []
        if batches:
            parts.append(outcomes_of(batches))
    finally:
        forget()
    return parts[0] if len(parts) == 1 else Outcomes.concat(parts)


def detect(path: Path | str) -> str | None:
    """The name of the format that a file is in; None for none of them.

    Raises TableError for a file that is absent, or a pickle.
    """
    _refuse(Path(path))
    return next((name for name in FORMATS if _module(name).detect(Path(path))), None)


def _refuse(path: Path) -> None:
    if not path.is_file():
        raise TableError(Problem(str(path), 0, "", "there is no such file.", "Check the path."))
    with path.open("rb") as file:
        head = file.read(2)
    if head in _PICKLES or path.suffix.lower() in (".pkl", ".pickle"):
        message = "is a pickle, and reading one runs whatever its writer put into it."
        hint = "Where you trust it, save it as Parquet first: pandas.read_pickle(…).to_parquet(…)."
        raise TableError(Problem(str(path), 0, "", message, hint))


def _named(files: Iterable[Path], format: str | None) -> list[tuple[Path, str]]:
    """Each file once with its format; raises TableError for all that have none."""
    if format is not None and format not in FORMATS:
        near = difflib.get_close_matches(format, FORMATS, n=1)
        hint = f"Did you mean “{near[0]}”?" if near else f"There are {', '.join(FORMATS)}."
        raise TableError(f"There is no format “{format}”.", hint=hint)
    problems: list[Problem] = []
    named: dict[Path, str] = {}
    for path in files:
        try:
            _refuse(path)
            found = format or detect(path)
        except TableError as error:
            problems.extend(error.problems)
            continue
        if found is None:
            message = f"is in none of the formats {', '.join(FORMATS)}."
            problems.append(Problem(str(path), 0, "", message, "Name its format to see why."))
        named[path] = found or ""
    if problems:
        raise TableError(problems)
    return list(named.items())


def _found(named: Iterable[tuple[Path, str]]) -> list[Batch]:
    batches: list[Batch] = []
    problems: list[Problem] = []
    for path, name in named:
        try:
            batches.append(_module(name).find(path))
        except TableError as error:
            problems.extend(error.problems)
    if problems:
        raise TableError([*problems, *(p for batch in batches for p in batch.problems)])
    return batches


def _module(name: str) -> _Format:
    module = import_module(f"orchestra_kit.outcomes.importing.{_MODULES.get(name, name)}")
    return cast(_Format, module)
