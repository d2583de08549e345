"""The weekly page in a real browser: nothing loaded, nothing complained of, readable by all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import Browser, Page, expect, sync_playwright

from orchestra_kit.reporting.index import refresh_index
from orchestra_kit.reporting.weekly import open_weekly
from tests.analytics.synthetic import WEEK, fill
from tests.reporting.pages import POLICY, page_of

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("pages")
    fill(out / "store.db", per_week=600)
    report = open_weekly(store=str(out / "store.db"), policy=str(POLICY), week=WEEK.label)
    (out / "weekly-2026-W47.html").write_text(page_of(report), "utf-8")
    facts = dict(report.facts().data)
    (out / "weekly-2026-W47.json").write_text(json.dumps(facts), "utf-8")
    refresh_index(out)
    return out


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as driver:
        found = driver.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking",
                  "--disable-component-update", "--disable-sync", "--no-first-run"],
        )  # fmt: skip
        yield found
        found.close()


class Visit:
    """A page with what it asked for and complained of; the network is blocked."""

    def __init__(self, browser: Browser, address: Path, **options: object) -> None:
        self.asked: list[str] = []
        self.said: list[str] = []
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.page: Page = context.new_page()
        self.page.route("**/*", self._route)
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.goto(address.as_uri())

    def _route(self, route) -> None:
        address = route.request.url
        if address.startswith("file:") and route.request.is_navigation_request():
            route.continue_()
        else:
            self.asked.append(address)
            route.abort()

    def serious(self) -> list[str]:
        """What axe finds serious or critical, with the places."""
        # The page's own policy forbids scripts, so that axe runs from outside of it.
        self.page.evaluate(AXE_FILE_PATH.read_text("utf-8"))
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{v['id']}: {[n['target'] for n in v['nodes']][:3]}"
            for v in found["violations"]
            if v["impact"] in {"serious", "critical"}
        ]


@pytest.mark.parametrize("name", ["weekly-2026-W47.html", "index.html"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_loads_nothing_says_nothing_and_is_accessible(folder, browser, name, scheme):
    visit = Visit(browser, folder / name, color_scheme=scheme)
    assert visit.page.title()
    for line in visit.page.locator("details").all():
        line.evaluate("element => element.open = true")
    assert visit.serious() == []
    assert visit.asked == []
    assert visit.said == []


def test_every_picture_is_drawn(folder, browser):
    page = Visit(browser, folder / "weekly-2026-W47.html").page
    sizes = page.eval_on_selector_all("img", "all => all.map(i => [i.complete, i.naturalWidth])")
    assert len(sizes) == 4
    assert all(done and width > 300 for done, width in sizes)


@pytest.mark.parametrize("width", [360, 768, 1280, 1920])
def test_the_page_never_scrolls_sideways(folder, browser, width):
    page = Visit(
        browser, folder / "weekly-2026-W47.html", viewport={"width": width, "height": 800}
    ).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_skip_link_is_the_first_stop_and_leads_to_the_content(folder, browser):
    page = Visit(browser, folder / "weekly-2026-W47.html").page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_the_contents_lead_to_their_sections(folder, browser):
    page = Visit(browser, folder / "weekly-2026-W47.html").page
    page.get_by_role("navigation").get_by_role("link", name="Alerts").click()
    assert page.url.endswith("#alerts")
    expect(page.locator("#alerts-heading")).to_be_in_viewport()


def test_the_index_leads_to_the_page_and_back(folder, browser):
    page = Visit(browser, folder / "index.html").page
    page.get_by_role("link", name="2026-W47").click()
    assert page.url.endswith("weekly-2026-W47.html")
    page.get_by_role("link", name="All reports").click()
    assert page.url.endswith("index.html")


def test_it_prints_on_white_paper_without_the_contents(folder, browser):
    page = Visit(browser, folder / "weekly-2026-W47.html", color_scheme="dark").page
    page.emulate_media(media="print")
    assert not page.get_by_role("navigation").is_visible()
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert colour == "rgb(255, 255, 255)"
    page.set_viewport_size({"width": 688, "height": 1000})  # A4 without its margins
    assert page.evaluate("document.documentElement.scrollWidth") <= 688
    assert page.pdf(format="A4")[:5] == b"%PDF-"
