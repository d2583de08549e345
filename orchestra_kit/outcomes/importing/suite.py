"""Runs of our own suites: what ``orchestra suite run --json`` prints, or a store that keeps them.

A cell of a run is an outcome of the model that answered. Where more than one call was needed its
time and cost are those of the whole way, not the model's, and are left missing. Runs hold neither
tokens nor the answers themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from orchestra_kit.core.answer import Source
from orchestra_kit.core.errors import Problem, TableError
from orchestra_kit.outcomes.importing.batch import UNKNOWN, Batch, Row, outcomes_of
from orchestra_kit.outcomes.importing.records import Fields, Record, first_value, records
from orchestra_kit.outcomes.importing.scales import usable_score
from orchestra_kit.outcomes.table import Outcomes

__all__ = ["detect", "find", "read"]

NAME = "suite"
_SOURCES = {source.value: source for source in Source}
_LONGEST = 5_000_000
"""Characters of a prompt that a scenario writes as a text times a number."""


def detect(path: Path) -> bool:
    """Whether the file is a run or a store."""
    if _is_store(path):
        return True
    value = first_value(path) if path.suffix.lower() in (".json", ".jsonl") else None
    return isinstance(value, dict) and {"suite", "cells", "policy_hash"} <= value.keys()


def read(path: Path | str) -> Outcomes:
    """The cells of a run as outcomes; the suite is the dataset, its scenarios are the queries.

    Of a store, all its runs of the source of the latest. Raises TableError, with every fault found.
    """
    return outcomes_of([find(Path(path))])


def find(path: Path) -> Batch:
    """What the file holds."""
    batch = Batch(path, NAME, cost_source="list_price")
    known: Source | None = None
    for record in _stored(path) if _is_store(path) else records(path):
        run = Fields(batch, record)
        source = _SOURCES.get(run.text("source") or "")
        if not {"suite", "cells"} <= run.values.keys() or source is None:
            batch.fault("is no run of a suite.", line=record.line, place=record.place)
            continue
        known = known or source
        batch.source = known
        cells = run.get("cells")
        found = cells if isinstance(cells, list) else []
        if source is not known:
            batch.leave_out(f"cell of a run that is {source}, beside ones that are {known}",
                            len(found))  # fmt: skip
            continue
        _take(batch, run, record, found)
    return batch


def _take(batch: Batch, run: Fields, record: Record, cells: list[object]) -> None:
    suite = run.at("suite")
    name = suite.text("suite") or NAME
    listed = suite.get("scenarios")
    prompts = {
        str(scenario.get("id")): _prompt(scenario)
        for scenario in (listed if isinstance(listed, list) else ())
        if isinstance(scenario, dict)
    }
    where = f"{record.place}.cells" if record.place else "cells"
    for number, value in enumerate(cells):
        cell = Fields(batch, Record(value, record.line, f"{where}.{number}"))
        prompt = prompts.get(cell.text("scenario") or "")
        if cell.text("model") is None:
            batch.leave_out("cell in which no model answered")
        elif not prompt:
            batch.leave_out("cell whose scenario has no text, or too long a one")
        else:
            _add(batch, run, cell, name, prompt)


def _add(batch: Batch, run: Fields, cell: Fields, suite: str, prompt: str) -> None:
    alone = cell.get("attempts") == 1
    score, reason = usable_score(batch, cell.get("score"), "gate")
    epoch = cell.text("epoch") or "0"
    if not alone:
        batch.leave_out("time and cost of a way with several calls (kept as unknown)")
    batch.rows.append(
        Row(
            dataset=suite,
            query_id=cell.text("scenario") or "",
            task=cell.text("task") or UNKNOWN,
            prompt=prompt,
            model=cell.text("model") or "",
            score=score,
            cost_usd=cell.number("cost") if alone else None,
            latency_s=cell.number("seconds") if alone else None,
            recorded_at=run.moment("started"),
            record_id=f"{run.text('id')}/{cell.text('scenario')}/{epoch}",
            reason=reason or cell.text("unscored"),
        )
    )


def _prompt(scenario: Mapping[str, object]) -> str | None:
    request = scenario.get("request")
    if not isinstance(request, dict):
        return None
    text, repeat = request.get("text"), request.get("repeat")
    if isinstance(text, str):
        return text
    if isinstance(repeat, dict):
        piece, times = repeat.get("text"), repeat.get("times")
        if isinstance(piece, str) and isinstance(times, int) and len(piece) * times <= _LONGEST:
            return piece * times
    return None


def _is_store(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(16) == b"SQLite format 3\x00"
    except OSError:
        return False


def _stored(path: Path) -> Iterator[Record]:
    """The runs of a store in the shape in which they are printed, the latest first."""
    from orchestra_kit.store.store import Store

    with Store.open(path, read_only=True) as store:
        kept = store.runs("suite")
        for run in kept:
            yield Record(
                {
                    "id": run.id,
                    "suite": run.parameters.get("suite"),
                    "source": run.source.value,
                    "started": run.started.isoformat(),
                    "cells": [dict(cell.result) for cell in store.cells(run.id)],
                },
                place=run.id,
            )
    if not kept:
        message = "is a store without a run of a suite."
        raise TableError(Problem(str(path), 0, "", message, "Run one with --store."))
