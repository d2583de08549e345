"""The tuning notebook in JupyterLab and a real browser: sliders move what is shown, and save."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, sync_playwright

from orchestra_kit import shipped
from orchestra_kit.policy.policy import Policy
from tests.browser.jupyter import lab, open_and_run

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NOTEBOOK = "03_threshold_tuning.ipynb"
SLIDER = "The weight of quality in tier basic"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


class Visit:
    """The tab, with what it asked of other hosts and complained of."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page, self.folder = page, folder
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
        disc = self.page.locator(".ok-tuner-figure .proposed-point circle")
        return float(disc.get_attribute("cx")), float(disc.get_attribute("cy"))

    def slider(self, words: str) -> Locator:
        return self.page.locator(".ok-tuner-sliders .widget-slider", has_text=words)

    def press(self, words: str, key: str) -> None:
        """Press a key on a slider and wait until the tables have changed."""
        before = self.text("changes")
        self.slider(words).locator(".noUi-handle").press(key)
        self._changed("changes", before)

    def click(self, words: str) -> None:
        """Press a button and wait until the status has changed."""
        before = self.text("status")
        self.page.get_by_role("button", name=words).click()
        self._changed("status", before)

    def _changed(self, part: str, before: str) -> None:
        self.page.wait_for_function(
            "([part, before]) => document.querySelector(`.ok-tuner-${part}`).innerText !== before",
            arg=[part, before],
            timeout=20_000,
        )


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    folder, home = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("home")
    shutil.copy(shipped.path("notebooks") / NOTEBOOK, folder)
    with lab(folder, home) as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1100})
        found = Visit(page, folder)
        open_and_run(page, address, NOTEBOOK)
        page.wait_for_selector(".ok-tuner-figure svg", timeout=40_000)
        page.locator(".ok-tuner-sliders").scroll_into_view_if_needed()
        yield found
        browser.close()


def test_no_cell_fails(visit: Visit) -> None:
    assert visit.page.locator(".jp-OutputArea-output[data-mime-type*='error']").count() == 0
    assert "the policy's own thresholds" in visit.text("status")
    assert visit.slider(SLIDER).count() == 1


def test_moving_a_slider_moves_the_mark_and_the_tables(visit: Visit, tmp_path: Path) -> None:
    today = visit.mark()
    visit.page.screenshot(path=tmp_path / "before.png")
    visit.press(SLIDER, "End")
    dearest = visit.mark()
    assert "qwen-coder-0.5b\tqwen-coder-1.5b" in visit.text("changes")
    assert "the weight of quality in tier basic from 0.3 to 3" in visit.text("changes")
    visit.press(SLIDER, "Home")
    assert visit.mark()[0] < dearest[0] - 10, "the cheap end lies to the left"
    visit.page.screenshot(path=tmp_path / "after.png")
    visit.click("Back to today")
    assert visit.mark() == pytest.approx(today, abs=0.1)


def test_dragging_redraws_in_place(visit: Visit) -> None:
    figure = visit.page.locator(".ok-tuner-figure")
    height, start = figure.bounding_box()["height"], visit.mark()
    slider = visit.slider(SLIDER)
    slider.scroll_into_view_if_needed()
    base = slider.locator(".noUi-base").bounding_box()
    handle = slider.locator(".noUi-handle").bounding_box()
    mouse = visit.page.mouse
    mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    mouse.down()
    mouse.move(base["x"] + base["width"] * 0.75, base["y"] + 4, steps=12)
    mouse.up()
    visit.page.wait_for_function(
        "start => +document.querySelector('.proposed-point circle').getAttribute('cx') > start",
        arg=start[0] + 5,
        timeout=10_000,
    )
    assert figure.bounding_box()["height"] == pytest.approx(height, abs=1)
    assert visit.page.locator(".ok-tuner-figure svg").count() == 1


def test_a_version_is_saved_beside_the_policy(visit: Visit, tmp_path: Path) -> None:
    visit.click("Save as new version")
    visit.page.screenshot(path=tmp_path / "saved.png")
    assert "Saved as orchestra-tuned.yaml, version" in visit.text("status")
    assert "Report part" in visit.text("changes")
    saved = Policy.load(visit.folder / "tuning" / "orchestra-tuned.yaml")
    assert saved.tiers["basic"].quality > 0.3


def test_the_page_asks_nobody_else_and_does_not_complain(visit: Visit) -> None:
    assert visit.elsewhere == []
    assert visit.errors == []
