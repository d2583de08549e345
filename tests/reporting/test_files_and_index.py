from __future__ import annotations

import json

import pytest

from orchestra_kit.core.errors import ReportError
from orchestra_kit.reporting.files import one_at_a_time, replace_file
from orchestra_kit.reporting.index import refresh_index
from tests.reporting.pages import live_parts, text_of

EMPTY = "<html><!--periods--><!--/periods--></html>"


def place(folder, week, **facts):
    (folder / f"weekly-{week}.html").write_text(EMPTY)
    told = {"status": "On target", "tone": "good", "headline": "all well", "requests": 5, **facts}
    (folder / f"weekly-{week}.json").write_text(json.dumps(told))


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path):
    replace_file(tmp_path / "a.html", b"one")
    replace_file(tmp_path / "a.html", b"two")
    assert [p.name for p in tmp_path.iterdir()] == ["a.html"]
    assert (tmp_path / "a.html").read_bytes() == b"two"


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    replace_file(tmp_path / "a.html", b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ReportError, match="No space left"):
        replace_file(tmp_path / "a.html", b"new")
    assert (tmp_path / "a.html").read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.html"]


def test_a_folder_in_the_place_of_a_page_is_not_touched(tmp_path):
    (tmp_path / "a.html").mkdir()
    with pytest.raises(ReportError, match="is a folder"):
        replace_file(tmp_path / "a.html", b"x")


def test_what_a_killed_renderer_left_is_removed_by_the_next(tmp_path):
    (tmp_path / ".weekly-2026-W47.html.1a2b.unfinished").write_bytes(b"half")
    with one_at_a_time(tmp_path):
        assert not list(tmp_path.glob("*.unfinished"))
        assert not list(tmp_path.glob(".*.unfinished"))


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(ReportError, match="cannot be used for reports"),
        one_at_a_time(tmp_path / "file"),
    ):
        pass


def test_the_index_lists_every_week_with_its_gaps_newest_first(tmp_path):
    place(tmp_path, "2026-W44")
    place(tmp_path, "2026-W47", status="Off target", tone="bad", headline="costs <b>rose</b>")
    (tmp_path / "weekly-2026-W46.failed.html").write_text("failed")
    page = refresh_index(tmp_path).read_text("utf-8")
    text = text_of(page)
    assert live_parts(page) == []
    places = [text.index(week) for week in ("2026-W47", "2026-W46", "2026-W45", "2026-W44")]
    assert places == sorted(places)
    assert "costs <b>rose</b>" in text
    assert "Failed" in text
    assert "No report" in text
    assert "16 – 22 Nov 2026" in text
    assert "26 Oct – 1 Nov 2026" in text


def test_pages_are_linked_to_their_neighbours(tmp_path):
    for week in ("2026-W45", "2026-W46", "2026-W47"):
        place(tmp_path, week)
        refresh_index(tmp_path)
    first, middle, last = ((tmp_path / f"weekly-2026-W{n}.html").read_text() for n in (45, 46, 47))
    assert 'href="weekly-2026-W45.html" rel="prev"' in middle
    assert 'href="weekly-2026-W47.html" rel="next"' in middle
    assert "prev" not in first
    assert "next" not in last
    assert middle.count("<!--periods-->") == 1


def test_a_twin_that_cannot_be_read_does_not_hide_the_others(tmp_path):
    place(tmp_path, "2026-W47")
    place(tmp_path, "2026-W46")
    (tmp_path / "weekly-2026-W46.json").write_text("{half")
    assert "2026-W47" in refresh_index(tmp_path).read_text()


def test_an_empty_folder_has_an_index(tmp_path):
    assert "No report has been rendered yet" in refresh_index(tmp_path).read_text()
