"""The whole way from a store to a page, through a real kernel."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import shutil

import html5lib
import nbformat
import pytest
from nbformat import v4

from orchestra_kit.core.errors import ConfigError, PolicyError, ReportError, StoreError
from orchestra_kit.reporting.files import one_at_a_time
from orchestra_kit.reporting.render import render_weekly
from orchestra_kit.store.store import Store
from tests.analytics.synthetic import WEEK
from tests.reporting.pages import NOTEBOOK, POLICY, live_parts, text_of

pytestmark = pytest.mark.notebook


@pytest.fixture(scope="module")
def rendered(small_store, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "pages"
    return render_weekly(store=small_store, policy=POLICY, out=out)


@pytest.fixture(scope="module")
def page(rendered):
    return rendered.page.read_text("utf-8")


@pytest.fixture(scope="module")
def tree(page):
    return html5lib.parse(page, namespaceHTMLElements=False)


def test_the_last_full_week_is_rendered_when_none_is_named(rendered):
    assert rendered.week == WEEK.label
    assert rendered.page.name == "weekly-2026-W47.html"
    assert rendered.index.name == "index.html"
    assert rendered.status in {"On target", "Needs attention", "Off target"}
    assert rendered.bytes == rendered.page.stat().st_size


def test_the_result_is_plain_json(rendered):
    told = json.loads(json.dumps(rendered.to_dict()))
    assert told["page"] == str(rendered.page)
    assert told["week"] == "2026-W47"


def test_the_page_is_one_inert_file_within_its_size(page, rendered):
    assert live_parts(page) == []
    assert rendered.bytes <= 400 * 1024
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in page
    for address in re.findall(r"https?://[^\s\"'<]+", page):
        assert address.startswith("http://www.w3.org/"), "only names of XML vocabularies"


def test_the_page_holds_no_code_and_no_prompt(page):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    text = text_of(page)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.source.splitlines()[0] not in text
    assert "In [" not in text
    assert "Traceback" not in text


def test_the_page_holds_no_path_of_this_machine(page, small_store):
    for place in (str(small_store.parent), str(POLICY.parent), "/root/", "/home/"):
        assert place not in page


def test_the_page_is_built_for_screen_readers(tree):
    assert tree.attrib["lang"] == "en"
    assert len(list(tree.iter("h1"))) == 1
    assert [len(list(tree.iter(name))) for name in ("main", "nav", "header")] == [1, 1, 1]
    ids = [e.attrib["id"] for e in tree.iter() if "id" in e.attrib]
    assert len(ids) == len(set(ids))
    for link in tree.iter("a"):
        if link.attrib["href"].startswith("#"):
            assert link.attrib["href"][1:] in ids
    for image in tree.iter("img"):
        assert len(image.attrib["alt"]) > 40
        assert image.attrib["width"]
    for table in tree.iter("table"):
        assert table.find("caption") is not None
        assert all(cell.attrib.get("scope") for cell in table.iter("th"))
    assert len(list(tree.iter("figure"))) == 4


def test_sections_stand_in_their_order_and_in_the_contents(tree):
    titles = [heading.text for heading in tree.iter("h2")]
    assert titles == [
        "Contents", "What matters this week", "Scorecard", "The last weeks", "Targets by task",
        "Latency by task", "Fallback", "Cost", "Alerts", "What happened", "Scenario suite",
        "Method and provenance",
    ]  # fmt: skip
    contents = [item.text for item in tree.find(".//nav/ol").iter("a")]
    assert contents == titles[1:]


def test_source_and_period_and_n_are_told_at_once(page):
    text = text_of(page)
    assert "Data: simulated" in text
    assert "Mon 16 Nov 2026 00:00 to Mon 23 Nov 2026 00:00 UTC" in text
    assert "600 this week" in text


def test_the_twin_says_the_same_as_the_page(rendered, page):
    twin = json.loads((rendered.page.parent / "weekly-2026-W47.json").read_text())
    assert twin["status"] == rendered.status
    assert twin["headline"] == rendered.headline
    assert twin["headline"] in text_of(page)
    assert twin["requests"] == 600
    plain = re.sub(
        r"<!--periods-->.*?<!--/periods-->", "<!--periods--><!--/periods-->", page, flags=re.S
    )
    assert twin["sha256"] == hashlib.sha256(plain.encode()).hexdigest()


def test_the_scorecard_is_a_table_for_programs(rendered):
    rows = list(
        csv.DictReader(io.StringIO((rendered.page.parent / "weekly-2026-W47.csv").read_text()))
    )
    assert len(rows) == 10
    assert rows[0]["measure"] == "availability"
    assert 0 < float(rows[0]["now_low"]) <= float(rows[0]["now_value"]) <= 1


def test_the_key_figures_name_what_a_reader_asks_first(rendered):
    named = dict(rendered.key_figures)
    assert {"availability", "cost a request", "targets met"} <= set(named)
    assert "95 % interval" in named["availability"]


def test_equal_data_give_equal_bytes(rendered, small_store, tmp_path):
    elsewhere = tmp_path / "another {place}" / "copy.db"
    elsewhere.parent.mkdir()
    shutil.copy(small_store, elsewhere)
    again = render_weekly(
        store=elsewhere, policy=POLICY, week="2026-W47", out=elsewhere.parent / "out"
    )
    assert again.page.read_bytes() == rendered.page.read_bytes()


def test_an_empty_store_gives_a_page_that_says_so(tmp_path):
    Store.open(tmp_path / "empty.db").close()
    found = render_weekly(
        store=tmp_path / "empty.db", policy=POLICY, week="2026-W47", out=tmp_path / "out"
    )
    page = found.page.read_text("utf-8")
    assert found.status == "No data"
    assert "The store holds no request of 2026-W47" in text_of(page)
    assert live_parts(page) == []
    assert "No request arrived" in text_of(page)


# ── What goes wrong ──────────────────────────────────────────────────────────────────────────────


def notebook(path, *cells):
    made = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells])
    for place, cell in enumerate(made.cells):
        cell.id = f"cell-{place}"
    made.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(made, path)
    return path


PARAMETERS = "store: str = ''\npolicy: str = ''\nweek: str = ''\nsuite_run: str = ''"


def fails(tmp_path, small_store, *cells, deadline_seconds=60.0):
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    good = out / "weekly-2026-W47.html"
    good.write_text("the good one")
    with pytest.raises(ReportError) as fault:
        render_weekly(
            store=small_store,
            policy=POLICY,
            week="2026-W47",
            out=out,
            notebook=notebook(tmp_path / "bad.ipynb", PARAMETERS, *cells),
            deadline_seconds=deadline_seconds,
        )
    assert good.read_text() == "the good one"
    page = (out / "weekly-2026-W47.failed.html").read_text("utf-8")
    assert live_parts(page) == []
    assert "last good report" in text_of(page)
    assert "Last attempt failed" in text_of((out / "index.html").read_text("utf-8"))
    return str(fault.value), text_of(page)


def test_a_failing_cell_leaves_an_error_page_beside_the_good_one(tmp_path, small_store):
    error, page = fails(
        tmp_path, small_store, "raise ValueError('<script>no</script> in /root/secret/place.txt')"
    )
    assert "ValueError" in error
    assert "<script>no</script>" in page
    assert "/root/secret" not in page
    assert "Traceback" not in page


def test_a_kernel_that_dies_is_told_as_such(tmp_path, small_store):
    error, _ = fails(tmp_path, small_store, "import os\nos._exit(9)")
    assert "died" in error


def test_a_report_that_takes_too_long_is_given_up(tmp_path, small_store):
    error, _ = fails(tmp_path, small_store, "while True:\n    pass", deadline_seconds=4)
    assert "longer than 4 s" in error


def test_a_notebook_without_facts_makes_no_page(tmp_path, small_store):
    error, _ = fails(tmp_path, small_store, "1 + 1")
    assert "no facts" in error


def test_a_good_report_takes_the_error_page_away(tmp_path, small_store):
    out = tmp_path / "out"
    out.mkdir()
    (out / "weekly-2026-W47.failed.html").write_text("failed before")
    render_weekly(store=small_store, policy=POLICY, week="2026-W47", out=out)
    assert not (out / "weekly-2026-W47.failed.html").exists()


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"week": "2026-W99"}, ConfigError, "has no week 99"),
        ({"store": "absent.db"}, StoreError, "absent.db"),
        ({"policy": "absent.yaml"}, PolicyError, "absent.yaml"),
        ({"suite_run": "run_none"}, ReportError, "run_none"),
    ],
)
def test_bad_input_is_told_before_or_instead_of_a_page(tmp_path, small_store, change, error, said):
    asked = {"store": small_store, "policy": POLICY, "week": "2026-W47", "out": tmp_path / "out"}
    for name, value in change.items():
        asked[name] = tmp_path / value if name in {"store", "policy"} else value
    with pytest.raises(error) as fault:
        render_weekly(**asked)
    assert said in str(fault.value)
    assert not (tmp_path / "out" / "weekly-2026-W47.html").exists()


def test_two_renderers_do_not_share_a_folder(tmp_path, small_store):
    with one_at_a_time(tmp_path), pytest.raises(ReportError) as fault:
        render_weekly(store=small_store, policy=POLICY, week="2026-W47", out=tmp_path)
    assert "Another report is being rendered" in str(fault.value)
