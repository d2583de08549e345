"""Wide tables: a row for each query, columns for each model, become a row for each of both."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra_kit.core.errors import TableError
from orchestra_kit.outcomes.importing import detect, import_outcomes
from orchestra_kit.outcomes.importing.wide import read
from orchestra_kit.outcomes.table import Outcomes


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample_id": ["mmlu.1", "mmlu.2", "gsm.1"],
            "prompt": ["['Which?']", "['First.', 'Second.']", "How\nmany?"],
            "eval_name": ["mmlu", "mmlu", "gsm8k"],
            "gpt-4": [1.0, 0.0, 0.5],
            "mixtral": [0.0, 1.0, np.nan],
            "gpt-4|model_response": ["['A']", "['B']", "['4']"],
            "mixtral|model_response": ["['B']", "['B']", ""],
            "gpt-4|total_cost": [0.01, 0.02, 0.03],
            "mixtral|total_cost": [0.001, 0.0, np.nan],
            "oracle_model_to_route_to": ["gpt-4", "mixtral", "no_model_correct"],
        }
    )


def test_each_query_and_model_is_a_row(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    table().to_csv(path, index=False)
    assert detect(path) == "wide"
    outcomes = read(path)
    frame = outcomes.frame.set_index(["query_id", "model"])
    assert len(frame) == 5
    assert outcomes.models == ("gpt-4", "mixtral")
    one = frame.loc[("mmlu.2", "gpt-4")]
    assert (one["prompt"], one["response"]) == ("First.\n\nSecond.", "B")
    assert (one["dataset"], one["task"], one["score"], one["cost_usd"]) == ("mmlu", "mmlu", 0, 0.02)
    assert frame.loc[("gsm.1", "gpt-4"), "prompt"] == "How\nmany?"
    assert frame[["latency_s", "input_tokens", "output_tokens"]].isna().all(axis=None)
    (left,) = outcomes.left_out
    assert (left.n, "neither score, cost nor answer" in left.reason) == (1, True)


def test_csv_and_parquet_say_the_same(tmp_path: Path) -> None:
    table().to_csv(tmp_path / "wide.csv", index=False)
    table().to_parquet(tmp_path / "wide.parquet")
    assert detect(tmp_path / "wide.parquet") == "wide"
    one, two = (read(tmp_path / f"wide.{kind}").frame for kind in ("csv", "parquet"))
    pd.testing.assert_frame_equal(one.drop(columns="origin"), two.drop(columns="origin"))


def test_a_table_without_costs_has_a_column_of_scores_for_each_model(tmp_path: Path) -> None:
    path = tmp_path / "mmlu.csv"
    path.write_text("prompt,mistralai/Mixtral-8x7B,gpt-4\nWhich?,True,False\nWhat?,,1\n")
    outcomes = import_outcomes(path)
    frame = outcomes.frame
    assert frame["score"].tolist()[:1] == [1.0]
    assert len(frame) == 3
    assert frame["cost_usd"].isna().all()
    assert frame["cost_source"].isna().all()
    assert set(frame["dataset"]) == {"wide"}


def test_a_column_that_nothing_marks_as_a_model_is_told(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    table().assign(difficulty=0.5).to_csv(path, index=False)
    outcomes = read(path)
    assert "difficulty" not in outcomes.models
    assert any("“difficulty”" in left.reason for left in outcomes.left_out)


def test_every_cell_at_fault_is_told_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(
        'prompt,a,a|total_cost\n"two\nlines",1,0.1\nx,1.5,0.1\ny,good,-3\nz,0.5,free\nv,,\n'
    )
    with pytest.raises(TableError) as caught:
        read(path)
    told = [str(problem).removeprefix(str(path)) for problem in caught.value.problems]
    assert told == [
        ":4: a: holds a cell that is not from 0 to 1, and so in 1 more.",
        ":5: a|total_cost: holds a cell that is not a number of dollars, at least 0, and so in"
        " 1 more.",
    ]


def test_a_table_without_a_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("prompt,task\na,b\n")
    with pytest.raises(TableError, match="none of a model"):
        import_outcomes(path, format="wide")


@pytest.mark.parametrize("name", ["routerbench_0shot.pkl", "innocent.csv"])
def test_a_pickle_is_refused_unread(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(pickle.dumps({"x": 1}))
    with pytest.raises(TableError, match="is a pickle"):
        import_outcomes(path)


@pytest.mark.parametrize("text", ["['" + "[" * 10_000 + "']", "['a' * 10**9]", "['unclosed]"])
def test_a_prompt_that_only_looks_like_a_list_stays_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "wide.parquet"
    pd.DataFrame({"prompt": [text], "m": [1.0], "m|total_cost": [0.1]}).to_parquet(path)
    kept = read(path).frame["prompt"].iloc[0]
    assert kept in (text, text[2:-2])


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00"), min_size=1)


@settings(max_examples=20, deadline=None)
@given(
    rows=st.lists(
        st.tuples(TEXT.filter(lambda t: t.strip() and not t.startswith("[")),
                  st.none() | st.floats(0, 1), st.none() | st.floats(0, 1e3)),
        min_size=1, max_size=8,
    )
)  # fmt: skip
def test_what_was_imported_reads_back_the_same(
    tmp_path_factory: pytest.TempPathFactory, rows: list
) -> None:
    folder = tmp_path_factory.mktemp("wide")
    prompts, scores, costs = zip(*rows, strict=True)
    wide = pd.DataFrame({"prompt": prompts, "m": scores, "m|total_cost": costs, "n": 0.5})
    wide["n|total_cost"] = 0.25
    wide.to_parquet(folder / "wide.parquet")
    first = import_outcomes(folder / "wide.parquet")
    again = Outcomes.read(first.write(folder / "out.parquet"))
    pd.testing.assert_frame_equal(again.frame, first.frame)
    kept = first.filter(models=["m"]).frame if "m" in first.models else first.frame.iloc[:0]
    for name, given_ in (("score", scores), ("cost_usd", costs)):
        known = [value for value in given_ if value is not None]
        assert kept[name].dropna().tolist() == known
