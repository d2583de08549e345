"""Wide tables in the manner of RouterBench: a row for each query, columns for each model.

``prompt``, and for each model ``name`` (its score, 0-1), ``name|total_cost`` (dollars) and
``name|model_response``; ``sample_id`` and ``eval_name`` where they are. Tables without costs, of
``prompt`` and a column of scores for each model, are read too. CSV or Parquet; a pickle is refused,
because reading one runs what its writer wanted.
"""

from __future__ import annotations

import ast
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from orchestra_kit.core.errors import Problem, TableError
from orchestra_kit.outcomes.importing.batch import Batch, outcomes_of
from orchestra_kit.outcomes.importing.records import csv_header
from orchestra_kit.outcomes.importing.scales import query_of
from orchestra_kit.outcomes.importing.schema import is_parquet, parquet_columns
from orchestra_kit.outcomes.table import Outcomes

__all__ = ["detect", "find", "read"]

NAME = "wide"
_COST, _RESPONSE = "|total_cost", "|model_response"
_OF_QUERY = frozenset(
    {"prompt", "sample_id", "query_id", "eval_name", "dataset", "task", "split",
     "oracle_model_to_route_to", "idx", "index", "id", "Unnamed: 0", ""}
)  # fmt: skip
_TRUTHS = {"true": 1.0, "false": 0.0}


def detect(path: Path) -> bool:
    """Whether the file is a table with a prompt, and no row for each model."""
    named = set(csv_header(path)) if path.suffix.lower() == ".csv" else parquet_columns(path)
    return "prompt" in named and "model" not in named and bool(named - _OF_QUERY)


def read(path: Path | str) -> Outcomes:
    """The table with a row for each query and model; ``eval_name`` is dataset and task.

    Raises TableError, with every fault found.
    """
    return outcomes_of([find(Path(path))])


def find(path: Path) -> Batch:
    """What the file holds."""
    batch = Batch(path, NAME)
    frame = _frame(path)
    models = _models(frame)
    if "prompt" not in frame or not models:
        hint = f"Give each model a column of scores, and one named like gpt-5{_COST}."
        batch.fault("has no column prompt, or none of a model.", hint=hint)
        return batch
    for name in frame.columns:
        if "|" not in name and name not in _OF_QUERY and name not in models:
            batch.leave_out(f"column “{name:.60}”, which no {name:.60}{_COST} marks as a model")
    frame["prompt"] = [_unlisted(prompt) for prompt in frame["prompt"]]
    empty = frame["prompt"].isna() | (frame["prompt"].str.strip() == "")
    batch.leave_out("query without a prompt", int(empty.sum()))
    lines = _lines(frame) if path.suffix.lower() == ".csv" else np.zeros(len(frame), np.int64)
    parts = [_part(batch, frame, model, lines)[~empty.to_numpy()] for model in models]
    whole = pd.concat(parts, ignore_index=True)
    absent = whole[["score", "cost_usd", "response"]].isna().all(axis=1)
    batch.leave_out("query that a model has neither score, cost nor answer for", int(absent.sum()))
    if not absent.all():
        batch.frame = whole[~absent].reset_index(drop=True)
    return batch


def _frame(path: Path) -> pd.DataFrame:
    try:
        if is_parquet(path):
            read: pd.DataFrame = pq.ParquetFile(path).read().to_pandas(ignore_metadata=True)
            return read.astype(object)
        text = path.read_text(encoding="utf-8-sig")
        return pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False).astype(object)
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 text (byte {error.start:,})."
        raise TableError(Problem(str(path), 0, "", message)) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, pa.ArrowException, OSError) as error:
        message = f"cannot be read as a table ({str(error).splitlines()[0][:120]})."
        raise TableError(Problem(str(path), 0, "", message)) from error


def _models(frame: pd.DataFrame) -> list[str]:
    names = [str(name) for name in frame.columns]
    paired = {n.removesuffix(_COST).removesuffix(_RESPONSE) for n in names if "|" in n}
    if paired:
        return [name for name in names if name in paired]
    return [name for name in names if name not in _OF_QUERY and "|" not in name]


def _part(
    batch: Batch, frame: pd.DataFrame, model: str, lines: npt.NDArray[np.int64]
) -> pd.DataFrame:
    """The rows of one model."""
    prompts = frame["prompt"]
    named = _texts(frame, "eval_name", "dataset")
    ids = _texts(frame, "sample_id", "query_id", "id")
    dataset = pd.Series(NAME, frame.index) if named is None else named.fillna(NAME)
    part = pd.DataFrame(
        {
            "dataset": dataset,
            "query_id": [query_of(str(p)) for p in prompts] if ids is None else ids.fillna(""),
            "task": dataset if "task" not in frame else _texts(frame, "task"),
            "prompt": prompts,
            "model": model,
            "score": _numbers(batch, frame, model, lines, most=1.0),
        }
    )
    part["task"] = part["task"].fillna(dataset)
    unknown = np.full(len(frame), np.nan)
    part["input_tokens"] = part["output_tokens"] = part["latency_s"] = unknown
    cost = f"{model}{_COST}"
    part["cost_usd"] = _numbers(batch, frame, cost, lines) if cost in frame else unknown
    response = f"{model}{_RESPONSE}"
    part["response"] = [_unlisted(v) for v in frame[response]] if response in frame else None
    return part


def _numbers(
    batch: Batch,
    frame: pd.DataFrame,
    name: str,
    lines: npt.NDArray[np.int64],
    *,
    most: float = np.inf,
) -> npt.NDArray[np.float64]:
    """A column of numbers, missing where a cell is empty; a fault for each that is none of them."""
    texts = frame[name].map(lambda v: v.strip().lower() if isinstance(v, str) else v)
    texts = texts.map(lambda v: _TRUTHS.get(v, v) if isinstance(v, str) else v)
    numbers = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    blank = (texts.isna() | texts.isin(["", "nan", "none", "null"])).to_numpy(dtype=bool)
    wrong = ~blank & ~((numbers >= 0) & (numbers <= most) & np.isfinite(numbers))
    span = "from 0 to 1" if most == 1 else "a number of dollars, at least 0"
    for place in np.flatnonzero(wrong):
        batch.fault(f"holds a cell that is not {span}.", line=int(lines[place]), key=name)
    return numbers


def _texts(frame: pd.DataFrame, *names: str) -> pd.Series[str] | None:
    for name in names:
        if name in frame:
            return frame[name].map(lambda v: None if v is None or v == "" or v != v else str(v))
    return None


def _lines(frame: pd.DataFrame) -> npt.NDArray[np.int64]:
    """The line of a CSV on which each row begins, since cells may hold line breaks."""
    texts = [frame[name].astype(str).str.count("\n") for name in frame.columns]
    breaks = np.sum([text.to_numpy(dtype=np.int64) for text in texts], axis=0, dtype=np.int64)
    return np.asarray(2 + np.arange(len(frame)) + np.cumsum(breaks) - breaks, dtype=np.int64)


def _unlisted(value: object) -> str | None:
    """A text, of one that RouterBench wrote as a Python list of texts their sequence."""
    if not isinstance(value, str):
        return None if value is None or value != value else _sequence(value)
    if value[:2] in ("['", '["') and value.endswith("]"):
        try:
            found = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return value
        return _sequence(found)
    return value or None


def _sequence(value: object) -> str:
    if isinstance(value, (list, tuple, np.ndarray)):
        items: Sequence[object] = list(value)
        return "\n\n".join(str(item) for item in items)
    return str(value)
