"""Reading tables of outcomes: what is believed, and what is refused in one clear sentence."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestra_kit.core.answer import Source
from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.table import Outcomes
from tests.outcomes.synthetic import MODELS, TASKS, frame, write


def _refused(*paths: Path) -> TableError:
    with pytest.raises(TableError) as caught:
        Outcomes.read(*paths)
    return caught.value


def test_a_good_table_is_read_whole(tmp_path: Path) -> None:
    outcomes = Outcomes.read(write(tmp_path, frame()))
    assert len(outcomes) == 360
    assert outcomes.models == tuple(MODELS)
    assert outcomes.tasks == TASKS
    assert outcomes.source is Source.RECORDED
    assert repr(outcomes) == "360 recorded outcomes: 120 queries, 3 models, 6 tasks"
    assert outcomes.frame["cost_usd"].dtype == float


def test_what_is_unknown_stays_missing(tmp_path: Path) -> None:
    table = frame().assign(cost_usd=math.nan, cost_source=None, latency_s=None)
    table.loc[0, "score"] = math.nan
    outcomes = Outcomes.read(write(tmp_path, table))
    assert outcomes.frame["cost_usd"].isna().all()
    assert outcomes.frame["latency_s"].isna().all()
    assert outcomes.frame["score"].isna().sum() == 1
    assert "unknown" in outcomes.table().to_text()


@pytest.mark.parametrize("column", ["model", "score", "cost_usd", "latency_s", "prompt"])
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    error = _refused(write(tmp_path, frame().drop(columns=column), "short.parquet"))
    assert "short.parquet" in str(error)
    assert f" {column}: the column is missing." in str(error)
    assert len(error.problems) == 1


@pytest.mark.parametrize("column", ["correct", "answer", "response", "split"])
def test_an_optional_column_may_be_absent(tmp_path: Path, column: str) -> None:
    assert column not in Outcomes.read(write(tmp_path, frame().drop(columns=column))).frame


def test_every_fault_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    first = write(tmp_path, frame().drop(columns=["task", "model"]), "a.parquet")
    second = write(tmp_path, frame().assign(score=7.5), "b.parquet")
    error = _refused(first, second, tmp_path / "absent.parquet")
    assert len(error.problems) == 4
    assert "absent.parquet: there is no such file." in str(error)


def test_a_score_outside_its_range_is_counted_and_shown(tmp_path: Path) -> None:
    table = frame()
    table.loc[[4, 9], "score"] = [1.5, -0.1]
    message = str(_refused(write(tmp_path, table)))
    assert (
        "score: is outside its range in 2 rows, the first 1.5; it must be from 0 to 1." in message
    )


@pytest.mark.parametrize("column", ["cost_usd", "latency_s", "output_tokens"])
@pytest.mark.parametrize("value", [-0.5, math.inf])
def test_a_cost_time_or_count_below_zero_or_infinite_is_refused(
    tmp_path: Path, column: str, value: float
) -> None:
    table = frame()
    table[column] = table[column].astype(float)
    table.loc[3, column] = value
    assert f"{column}: is outside its range in 1 row" in str(_refused(write(tmp_path, table)))


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("score", "good", "holds text where numbers belong"),
        ("model", 3, "holds numbers where text belong"),
        ("cost_usd", True, "holds true or false where numbers belong"),
        ("correct", "yes", "holds text where true or false belong"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(tmp_path: Path, column, values, words) -> None:
    assert f"{column}: {words}" in str(
        _refused(write(tmp_path, frame().assign(**{column: values})))
    )


def test_a_nested_column_is_refused_by_its_type(tmp_path: Path) -> None:
    table = pa.Table.from_pandas(frame(queries=1))
    place = table.column_names.index("score")
    table = table.set_column(place, "score", pa.array([[0.5]] * table.num_rows))
    pq.write_table(table, tmp_path / "nested.parquet")
    assert "score: holds values of type list" in str(_refused(tmp_path / "nested.parquet"))


def test_an_empty_name_is_refused(tmp_path: Path) -> None:
    table = frame()
    table.loc[0, "model"] = None
    assert "model: is empty in 1 row" in str(_refused(write(tmp_path, table)))


def test_an_outcome_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    table = frame()
    message = str(_refused(write(tmp_path, pd.concat([table, table.iloc[[5]]]))))
    assert "1 outcomes occur more than once" in message
    assert "arithmetic-01" in message


def test_two_files_with_the_same_outcomes_are_both_named(tmp_path: Path) -> None:
    paths = [write(tmp_path, frame(), name) for name in ("a.parquet", "b.parquet")]
    message = str(_refused(*paths))
    assert "a.parquet" in message
    assert "b.parquet" in message


def test_several_files_are_joined(tmp_path: Path) -> None:
    one = write(tmp_path, frame().assign(dataset="one"), "one.parquet")
    two = write(tmp_path, frame().assign(dataset="two").drop(columns="split"), "two.parquet")
    joined = Outcomes.read(one, two)
    assert len(joined) == 720
    assert joined.frame["split"].isna().sum() == 360
    assert joined.filter(datasets=["two"]).frame["dataset"].unique() == ["two"]


@pytest.mark.parametrize("content", [b"", b"not a table", b"PAR1" + b"\x00" * 40 + b"PAR1"])
def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(content)
    message = str(_refused(path))
    assert "x.parquet: cannot be read as a Parquet table" in message
    assert "\n" not in message


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, frame())
    path.write_bytes(path.read_bytes()[:-200])
    assert "cannot be read" in str(_refused(path))


def test_a_folder_and_no_file_at_all_are_refused(tmp_path: Path) -> None:
    assert "no such file" in str(_refused(tmp_path))
    assert "name at least one" in str(_refused())


def test_a_table_without_rows_is_refused(tmp_path: Path) -> None:
    assert "holds no rows" in str(_refused(write(tmp_path, frame().iloc[:0])))


def test_sources_are_never_mixed(tmp_path: Path) -> None:
    made = write(tmp_path, frame().assign(source="simulated", dataset="x"), "made.parquet")
    real = write(tmp_path, frame(), "real.parquet")
    assert Outcomes.read(made).source is Source.SIMULATED
    message = str(_refused(real, made))
    assert "recorded in" in message
    assert "simulated in" in message


def test_a_source_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    assert "source: holds another word" in str(
        _refused(write(tmp_path, frame().assign(source="dreamt")))
    )


def test_dictionaries_small_numbers_and_whole_scores_are_read_alike(tmp_path: Path) -> None:
    table = frame().astype({"score": "int8", "input_tokens": "int16", "model": "category"})
    read = Outcomes.read(write(tmp_path, table)).frame
    assert read["score"].dtype == float
    assert set(read["model"]) == set(MODELS)


def test_the_days_of_recording_are_known_where_the_table_says(tmp_path: Path) -> None:
    assert Outcomes.read(write(tmp_path, frame())).recorded_from_to is None
    days = pd.date_range("2026-11-20", periods=360, freq="h", tz="UTC")
    path = write(tmp_path, frame().assign(recorded_at=days))
    first, last = Outcomes.read(path).recorded_from_to
    assert (f"{first:%F}", f"{last:%F}") == ("2026-11-20", "2026-12-04")


def test_filtering_keeps_what_is_named_and_refuses_what_is_unknown(tmp_path: Path) -> None:
    outcomes = Outcomes.read(write(tmp_path, frame()))
    kept = outcomes.filter(models=["small"], tasks=["code"])
    assert len(kept) == 20
    assert kept.source is outcomes.source
    with pytest.raises(TableError, match="no model “tiny”; they have large, middle, small"):
        outcomes.filter(models=["tiny"])
    with pytest.raises(TableError, match="no split “test”; they have train"):
        outcomes.filter(split="test")


def test_a_frame_is_a_copy(tmp_path: Path) -> None:
    outcomes = Outcomes.read(write(tmp_path, frame()))
    taken = outcomes.frame
    taken["score"] = 0.0
    assert outcomes.frame["score"].max() == 1


def test_hostile_names_are_shown_escaped(tmp_path: Path) -> None:
    table = frame().replace({"model": {"small": "<img src=x onerror=alert(1)>"}})
    shown = Outcomes.read(write(tmp_path, table))._repr_mimebundle_()["text/html"]
    assert "<img" not in shown
    assert "&lt;img" in shown
