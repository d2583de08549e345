"""The notebooks: committed clean, thin, and running from top to bottom without a network."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TEMPLATES = sorted((ROOT / "reports").glob("*.ipynb"))
LONGEST_CELL = 12
NO_NETWORK = """\
import socket as _socket
_connect = _socket.socket.connect
def _loopback_only(self, address):
    if isinstance(address, tuple) and not str(address[0]).startswith(("127.", "::1", "localhost")):
        raise OSError(f"a notebook tried to connect to {address}")
    return _connect(self, address)
_socket.socket.connect = _loopback_only
"""


def _name(path: Path) -> str:
    return path.stem


def test_there_are_notebooks_to_test() -> None:
    assert {p.stem for p in NOTEBOOKS} >= {"00_start_here", "02_scenario_suite"}


@pytest.mark.parametrize("path", [*NOTEBOOKS, *TEMPLATES], ids=_name)
def test_a_notebook_is_committed_clean(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [], f"cell {cell.id} holds outputs"
            assert cell.execution_count is None, f"cell {cell.id} holds an execution count"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=_name)
def test_a_notebook_is_thin_and_begins_with_what_it_claims(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    title = notebook.cells[0]
    assert title.cell_type == "markdown"
    assert title.source.startswith("# ")
    assert re.search(r"minutes?", title.source), "the title cell says how long it takes"
    assert "key" in title.source, "the title cell says what it needs"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            lines = [line for line in cell.source.splitlines() if line.strip()]
            assert len(lines) <= LONGEST_CELL, f"cell {cell.id} has {len(lines)} lines"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=_name)
def test_the_map_names_every_notebook(path: Path) -> None:
    assert path.name in (ROOT / "notebooks" / "README.md").read_text("utf-8")


@pytest.mark.notebook
@pytest.mark.parametrize("path", NOTEBOOKS, ids=_name)
def test_a_notebook_runs_from_top_to_bottom(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [n for n in os.environ if n.endswith("_API_KEY")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(NO_NETWORK, id="no-network"))
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    outputs = [o for c in notebook.cells if c.cell_type == "code" for o in c.outputs]
    assert outputs, "a notebook that shows nothing is not worth running"
    assert all(output.output_type != "error" for output in outputs)
