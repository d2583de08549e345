from __future__ import annotations

from pathlib import Path

import nbformat
import papermill
import pytest
from markupsafe import escape

from orchestra_kit.core.errors import ConfigError, ReportError
from orchestra_kit.core.secrets import secret
from orchestra_kit.figures.style import drawing, finish
from orchestra_kit.reporting.images import data_address, drawings_in
from orchestra_kit.reporting.parameters import WeeklyParameters, read_parameters
from orchestra_kit.reporting.privacy import check_page, holds_secret, public_text
from tests.reporting.pages import NOTEBOOK

GOOD = {"store": "a.db", "policy": "p.yaml", "week": "2026-W47"}


def test_good_parameters_are_read():
    assert read_parameters(GOOD) == WeeklyParameters(**GOOD, suite_run="")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"weeks": "x"}, "did you mean “week”?"),
        ({"colour": "red"}, "it takes store, policy, week, suite_run"),
        ({"store": 7}, "“store” must be text"),
        ({"week": None}, "“week” must be text"),
        ({"week": "2026-W99"}, "has no week 99"),
        ({"api_key": "abc"}, "looks like a secret"),
        ({"openai_token": "abc"}, "looks like a secret"),
        ({"suite_run": "sk-abcdefghijklmnopqrstuvwxyz"}, "looks like a secret"),
        ({"a b": "x"}, "not a name"),
        ({"__import__('os')": "x"}, "not a name"),
    ],
)
def test_a_wrong_parameter_is_refused_in_one_sentence(more, said):
    with pytest.raises(ConfigError) as fault:
        read_parameters({**GOOD, **more})
    assert said in str(fault.value)
    assert "\n" not in str(fault.value)
    assert "sk-abc" not in str(fault.value)


def test_a_missing_parameter_is_named():
    with pytest.raises(ConfigError, match="“policy” is missing"):
        read_parameters({"store": "a", "week": "2026-W47"})


def test_the_notebook_takes_exactly_these_parameters_typed_and_explained():
    told = papermill.inspect_notebook(str(NOTEBOOK))
    assert list(told) == list(WeeklyParameters.model_fields)
    assert all(p["inferred_type_name"] == "str" and p["help"] for p in told.values())


def test_the_notebook_is_committed_without_outputs_and_with_fixed_cells():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    assert all(len(cell.source.splitlines()) <= 4 for cell in code), "cells are thin"


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("cannot open /home/ann/work/store.db now", "cannot open …/store.db now"),
        (r"cannot open C:\Users\ann\store.db", "cannot open …/store.db"),
        ("either/or, 24/7 and 1/2", "either/or, 24/7 and 1/2"),
        ("see https://example.org/a/b/c", "see https://example.org/a/b/c"),
        ("Bearer abcdefgh12345678", "[hidden]"),
    ],
)
def test_paths_and_secrets_are_taken_out_of_text(text, public):
    assert public_text(text) == public


def test_a_page_with_a_secret_in_use_is_stopped():
    value = secret("env:PLACE", {"PLACE": "hunter2-and-more<&>"})
    assert holds_secret(f"it is {value}")
    check_page("<p>nothing of the kind</p>", [])
    for page in (f"<p>{value}</p>", f"<p>{escape(value)}</p>"):
        with pytest.raises(ReportError, match="would hold a secret"):
            check_page(page, [])


def test_a_page_with_a_private_path_is_stopped():
    private = Path("/srv/stores/contentforge/store.db")
    check_page("<p>store.db</p>", [private])
    with pytest.raises(ReportError, match="keeps its files"):
        check_page(f"<p>{private}</p>", [private])


def test_a_secret_inside_a_drawing_is_found():
    svg = '<svg width="1pt" height="1pt"><desc>sk-abcdefghijklmnop1234</desc></svg>'
    page = f'<img src="{data_address("image/svg+xml", svg)}" alt="x">'
    assert "sk-abc" in next(iter(drawings_in(page)))
    with pytest.raises(ReportError, match="would hold a secret"):
        check_page(page, [])


def test_a_drawing_survives_its_way_into_the_page():
    with drawing(width=3, height=2) as figure:
        axes = figure.subplots()
        axes.plot([0, 1.23456789], [0, 2])
        axes.set_title("ab%c <&>")
        picture = finish(figure, title="T", subtitle="S", alt="A", caption="C")
    address = data_address("image/svg+xml", picture.svg)
    (back,) = drawings_in(f'<img src="{address}">')
    assert back.startswith("<svg ")
    assert back.endswith("</svg>")
    assert back.count("<path") == picture.svg.count("<path")
    assert len(address) < len(picture.svg)
