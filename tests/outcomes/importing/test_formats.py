"""Several files in one import: each is known for what it is, or refused in a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra_kit.core.errors import OrchestraError, TableError
from orchestra_kit.outcomes.importing import FORMATS, detect, import_outcomes
from tests.outcomes.importing import (
    test_inspect_ai,
    test_litellm,
    test_otel,
    test_promptfoo,
    test_suite,
    test_wide,
)
from tests.outcomes.synthetic import frame, write


def one_of_each(folder: Path) -> dict[str, Path]:
    wide = folder / "wide.csv"
    test_wide.table().to_csv(wide, index=False)
    return {
        "schema": write(folder, frame(queries=2), "table.parquet"),
        "wide": wide,
        "suite": test_suite.run(folder, test_suite.cell("one"), source="recorded"),
        "litellm": test_litellm.lines(folder, test_litellm.request()),
        "otel": test_otel.lines(folder, test_otel.document(test_otel.span(test_otel.TODAY))),
        "inspect": test_inspect_ai.as_zip(folder, test_inspect_ai.sample()),
        "promptfoo": test_promptfoo.output(folder, test_promptfoo.result()),
    }


def test_every_format_is_known_for_what_it_is(tmp_path: Path) -> None:
    files = one_of_each(tmp_path)
    assert list(files) == list(FORMATS)
    assert {name: detect(path) for name, path in files.items()} == dict(zip(files, files))  # noqa: B905


def test_files_of_all_formats_make_one_table(tmp_path: Path) -> None:
    files = one_of_each(tmp_path)
    outcomes = import_outcomes(*files.values())
    origins = outcomes.frame["origin"]
    assert set(origins.str.split(":").str[0]) == {"outcomes", *set(files) - {"schema"}}
    assert len(outcomes) == 36 + 5 + 5
    assert set(outcomes.files) == {str(path) for path in files.values()}


def test_a_file_that_is_named_twice_counts_once(tmp_path: Path) -> None:
    path = test_litellm.lines(tmp_path, test_litellm.request())
    assert len(import_outcomes(path, path)) == 1


def test_a_name_of_a_format_is_checked(tmp_path: Path) -> None:
    path = test_litellm.lines(tmp_path, test_litellm.request())
    with pytest.raises(TableError, match="Did you mean “litellm”"):
        import_outcomes(path, format="litelm")
    with pytest.raises(TableError, match="There are schema, wide"):
        import_outcomes(path, format="x")


def test_every_file_that_cannot_be_imported_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty.json").write_text("")
    with pytest.raises(TableError) as caught:
        import_outcomes(tmp_path / "absent.csv", tmp_path / "notes.txt", tmp_path / "empty.json")
    told = [str(problem) for problem in caught.value.problems]
    assert "absent.csv: there is no such file" in told[0]
    assert "empty.json: is in none of the formats schema, wide, suite" in told[1]
    assert "notes.txt: is in none of the formats" in told[2]


def test_faults_of_several_files_are_told_together(tmp_path: Path) -> None:
    bad = test_litellm.lines(tmp_path, test_litellm.request(spend=-1), name="bad.jsonl")
    broken = tmp_path / "broken.jsonl"
    broken.write_text("{\n")
    with pytest.raises(TableError) as caught:
        import_outcomes(bad, broken, format="litellm")
    assert len(caught.value.problems) == 2


def test_nothing_to_import_is_refused() -> None:
    with pytest.raises(TableError, match="name at least one file"):
        import_outcomes()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["spend", "model", "startTime", "endTime", "messages", "metadata", "resourceSpans",
             "scopeSpans", "spans", "attributes", "events", "eval", "task", "samples", "input",
             "output", "scores", "results", "provider", "prompt", "score", "suite", "cells",
             "source", "policy_hash", "scenarios", "request", "raw", "response", "choices"]
        ),
        inner, max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(value=JSON, format=st.sampled_from(["suite", "litellm", "otel", "inspect", "promptfoo"]))
def test_whatever_a_file_holds_it_is_read_or_refused_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, value: object, format: str
) -> None:
    path = tmp_path_factory.mktemp("odd") / "odd.json"
    path.write_text(json.dumps(value))
    detect(path)
    try:
        outcomes = import_outcomes(path, format=format)
    except OrchestraError:
        return
    assert len(outcomes)


def test_listing_the_formats_loads_no_heavy_library() -> None:
    code = (
        "import sys, orchestra_kit.outcomes.importing; "
        "print([m for m in ('pandas', 'pyarrow', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
