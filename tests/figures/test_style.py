"""What holds for every figure: looks, words, determinism, and other people's text."""

from __future__ import annotations

import re
import xml.dom.minidom

import matplotlib.pyplot as plt
import pytest

from orchestra_kit.figures.picture import Picture
from orchestra_kit.figures.style import OKABE_ITO, drawing, finish, label, marks

HOSTILE = "<script>$\\frac{1}{0}$ %s {0} 漢字 \u202e" + "x" * 300


def drawn(text: str = "plain", **words: str) -> Picture:
    with drawing(width=5, height=2) as figure:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1])
        axes.set_xlabel(label(text))
        said = {"title": text, "subtitle": text, "alt": text, "caption": text}
        return finish(figure, **{**said, **words})


def test_equal_data_give_equal_bytes() -> None:
    assert drawn() == drawn()
    assert drawn().svg == drawn().svg
    assert drawn().png() == drawn().png()


def test_a_figure_names_no_date_and_loads_nothing() -> None:
    svg = drawn().svg
    assert svg.startswith("<svg")
    assert "dc:date" not in svg
    assert not re.search(r"<(script|image|!)", svg)
    assert not re.search(r'(href|src)="(?!#)', svg)


def test_other_peoples_text_is_drawn_and_never_run() -> None:
    picture = drawn(HOSTILE)
    xml.dom.minidom.parseString(picture.svg)
    shown, about = picture._repr_mimebundle_()
    assert "<script>" not in picture.svg
    assert "<script>" not in shown["text/html"]
    assert "\u202e" not in about["image/svg+xml"]["alt"]


def test_the_description_goes_where_screen_readers_and_reports_look() -> None:
    picture = drawn(alt="A line rises & falls", caption="n = 2. Source: simulated.")
    shown, about = picture._repr_mimebundle_()
    assert about["image/svg+xml"] == {
        "alt": "A line rises & falls", "caption": "n = 2. Source: simulated."
    }  # fmt: skip
    assert 'alt="A line rises &amp; falls"' in shown["text/html"]
    assert 'role="img" aria-label="A line rises &amp; falls"' in picture.svg
    assert shown["text/plain"].startswith("A line rises")


@pytest.mark.parametrize("missing", ["alt", "caption"])
def test_a_figure_without_words_is_refused(missing: str) -> None:
    with pytest.raises(ValueError, match="needs a description"):
        drawn(**{missing: " "})


def test_drawing_leaves_nothing_behind() -> None:
    before = dict(plt.rcParams)
    drawn()
    assert plt.get_fignums() == []
    assert dict(plt.rcParams) == before


def test_a_long_title_makes_the_figure_taller_and_not_wider() -> None:
    short, long = drawn("short"), drawn("short", title="a long finding " * 12)
    sizes = [re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', p.svg) for p in (short, long)]
    widths, heights = zip(*(map(float, m.groups()) for m in sizes), strict=True)
    assert widths[0] == widths[1]
    assert heights[1] > heights[0] + 40


def test_a_figure_is_saved_as_svg_or_png(tmp_path) -> None:
    picture = drawn()
    assert "<desc>plain</desc>" in picture.save(tmp_path / "a.svg").read_text("utf-8")
    assert picture.save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match=r"a\.jpg: a figure is saved as \.svg or \.png"):
        picture.save(tmp_path / "a.jpg")


def test_a_name_keeps_its_mark_where_only_some_are_shown() -> None:
    every = marks(["a", "b", "c"])
    assert every["b"].colour == OKABE_ITO[1]
    assert marks(["a", "b"])["b"] == every["b"]


def test_no_two_of_twenty_names_look_alike() -> None:
    found = marks([str(i) for i in range(20)])
    looks = {(m.colour, m.marker) for m in found.values()}
    assert len(looks) == 20
    assert len({(m.colour, m.hatch) for m in found.values()}) == 20


def test_a_long_name_keeps_its_beginning_and_its_version() -> None:
    short = label("Meta-Llama-3.1-405B-Instruct@hyperbolic-2024-09-12")
    assert len(short) == 28
    assert short.startswith("Meta-Llama")
    assert short.endswith("2024-09-12")
    assert label("a\nb\tc") == "a b c"
