from __future__ import annotations

import json
import os
import sys

import nbformat
import pytest
from nbformat import v4

from orchestra_kit.reporting.execution import execute
from orchestra_kit.reporting.kernel import ReportKernel, kernel_environment
from orchestra_kit.reporting.sections import sections_of

pytestmark = pytest.mark.notebook


def test_a_report_runs_in_this_interpreter_and_sees_no_secret(tmp_path, monkeypatch):
    # A kernel of the same name in the user's folder, as other environments leave them behind.
    spec = tmp_path / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(
        json.dumps({"argv": ["/bin/false"], "display_name": "wrong", "language": "python"})
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("OPENAI_API_KEY", "value-that-no-report-needs")
    before = dict(os.environ)
    notebook = v4.new_notebook(
        cells=[
            v4.new_code_cell("name: str = ''", metadata={"tags": ["parameters"]}, id="a"),
            v4.new_code_cell(
                "import os, sys\n"
                "(sys.executable, 'OPENAI_API_KEY' in os.environ, os.environ['TZ'], name)",
                id="b",
            ),
        ]
    )
    nbformat.write(notebook, tmp_path / "{odd} name.ipynb")
    done = execute(tmp_path / "{odd} name.ipynb", {"name": 'it\'s "{quoted}"'}, deadline_seconds=60)
    assert done.cells[-1].outputs[0].data["text/plain"] == repr(
        (sys.executable, False, "UTC", 'it\'s "{quoted}"')
    )
    assert dict(os.environ) == before


def test_the_kernel_is_told_only_what_it_needs(tmp_path):
    told = kernel_environment(tmp_path, {"PATH": "/bin", "MY_TOKEN": "x", "JUPYTER_PATH": "/y"})
    assert told["PATH"] == "/bin"
    assert "MY_TOKEN" not in told
    assert "JUPYTER_PATH" not in told
    assert told["IPYTHONDIR"].startswith(str(tmp_path))


def test_the_kernel_is_the_running_interpreter():
    assert ReportKernel(kernel_name="anything").kernel_spec.argv[0] == sys.executable


def made(*outputs):
    cell = v4.new_code_cell("x", id="c")
    cell.outputs = [v4.new_output("display_data", data) for data in outputs]
    return v4.new_notebook(cells=[v4.new_markdown_cell("## Part", id="m"), cell])


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain", "application/javascript", "text/latex", "application/json", "image/gif",
        "application/vnd.jupyter.widget-view+json", "text/vnd.mermaid", "application/pdf",
    ],
)  # fmt: skip
def test_every_other_kind_of_output_is_dropped(kind):
    assert sections_of(made({kind: "alert(1)"})) == ()


def test_streams_and_errors_are_dropped():
    notebook = made()
    notebook.cells[1].outputs = [
        v4.new_output("stream", text="noise"),
        v4.new_output("error", ename="E", evalue="v", traceback=["t"]),
    ]
    assert sections_of(notebook) == ()


def test_markdown_is_rendered_and_made_safe():
    (section,) = sections_of(made({"text/markdown": "*yes* <script>alert(1)</script>"}))
    assert "<em>yes</em>" in section.body
    assert "script" not in section.body


def test_what_stands_before_the_first_heading_is_for_the_notebooks_reader():
    notebook = v4.new_notebook(
        cells=[
            v4.new_markdown_cell("# Title\n\nabout", id="a"),
            *made({"text/html": "<p>x</p>"}).cells,
        ]
    )
    (section,) = sections_of(notebook)
    assert "about" not in section.body
    assert section.title == "Part"
    assert section.id == "part"
