"""The threshold notebook in JupyterLab and a real browser: the slider moves what is shown."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from orchestra_kit import shipped
from tests.browser.jupyter import lab, open_and_run

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NOTEBOOK = "03_threshold_tuning.ipynb"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


class Visit:
    """The tab, with what it asked of other hosts and complained of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.elsewhere: list[str] = []
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.route(re.compile(r"^https?://(?!127\.0\.0\.1[:/])"), self._refuse)

    def _refuse(self, route) -> None:
        self.elsewhere.append(route.request.url)
        route.abort()

    def text(self, part: str) -> str:
        return self.page.locator(f".ok-tuner-{part}").inner_text()

    def mark(self) -> tuple[float, float]:
        disc = self.page.locator(".ok-tuner-figure .marked-threshold circle")
        return float(disc.get_attribute("cx")), float(disc.get_attribute("cy"))

    def press(self, key: str, times: int = 1) -> None:
        """Press a key on the slider and wait until the table has changed."""
        before = self.text("readout")
        handle = self.page.locator(".ok-tuner-slider .noUi-handle")
        for _ in range(times):
            handle.press(key)
        self.page.wait_for_function(
            "before => document.querySelector('.ok-tuner-readout').innerText !== before",
            arg=before,
            timeout=10_000,
        )


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    folder, home = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("home")
    shutil.copy(shipped.path("notebooks") / NOTEBOOK, folder)
    with lab(folder, home) as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        found = Visit(page)
        open_and_run(page, address, NOTEBOOK)
        page.wait_for_selector(".ok-tuner-figure svg", timeout=20_000)
        page.locator(".ok-tuner-slider").scroll_into_view_if_needed()
        yield found
        browser.close()


def test_no_cell_fails(visit: Visit) -> None:
    assert visit.page.locator(".jp-OutputArea-output[data-mime-type*='error']").count() == 0
    assert "at this threshold" in visit.text("readout")
    assert "Against always asking" in visit.text("status")


def test_moving_the_slider_moves_the_mark_and_the_table(visit: Visit, tmp_path: Path) -> None:
    visit.page.screenshot(path=tmp_path / "before.png")
    visit.press("End")
    dearest = visit.mark()
    assert "100%" in visit.text("readout")
    assert "no evidence of a loss" in visit.text("status")
    visit.press("Home")
    assert visit.mark()[0] < dearest[0] - 100, "the cheap end lies far to the left"
    assert "at this threshold\t0%" in visit.text("readout")
    visit.press("PageUp", times=5)
    visit.page.screenshot(path=tmp_path / "after.png")
    assert "at this threshold\t0%" not in visit.text("readout")


def test_dragging_redraws_in_place(visit: Visit) -> None:
    visit.press("Home")
    figure = visit.page.locator(".ok-tuner-figure")
    height, start = figure.bounding_box()["height"], visit.mark()
    base = visit.page.locator(".ok-tuner-slider .noUi-base").bounding_box()
    handle = visit.page.locator(".ok-tuner-slider .noUi-handle").bounding_box()
    mouse = visit.page.mouse
    mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    mouse.down()
    mouse.move(base["x"] + base["width"] * 0.75, base["y"] + 4, steps=12)
    mouse.up()
    visit.page.wait_for_function(
        "start => +document.querySelector('.marked-threshold circle').getAttribute('cx') > start",
        arg=start[0] + 50,
        timeout=10_000,
    )
    assert figure.bounding_box()["height"] == pytest.approx(height, abs=1)
    assert visit.page.locator(".ok-tuner-figure svg").count() == 1


def test_the_page_asks_nobody_else_and_does_not_complain(visit: Visit) -> None:
    assert visit.elsewhere == []
    assert visit.errors == []
