"""The site in a real Chromium, opened from files."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import pytest

from ontogym.baselines.lives.life import make_agent
from ontogym.leaderboard.board import Row
from ontogym.leaderboard.site import build, build_site
from ontogym.leaderboard.site.networks import FilmedLife, film_life
from tests.leaderboard.boards import make_board
from tests.leaderboard.browser import (
    chromium,
    complaints,
    emulate,
    needs_browser,
    open_page,
    press,
    requests,
    resize,
    tab_to,
)
from tests.leaderboard.test_site import hostile_board

pytestmark = [pytest.mark.browser, needs_browser]

LABELS = "return [...document.querySelector('table.board').tBodies[0].rows].filter(r => !r.hidden).map(r => r.cells[0].querySelector('bdi').textContent)"
SORTS = "return [...document.querySelectorAll('table.board')[0].tHead.rows[0].cells].map(c => c.getAttribute('aria-sort'))"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Four agents of all three statuses; the first has a film of its network."""
    agent = make_agent("tests.baselines.growing:Growing", "ontogym/CartPole-v1")
    film = film_life(agent, np.zeros(1), FilmedLife("ontogym/CartPole-v1", episodes=2, seed=3))
    folder = tmp_path_factory.mktemp("site")
    board = make_board(["LNDP", "PPO", "DQN", "random"], status={"DQN": "claimed", "random": "refused"})
    films = {entry.id: film for entry in board.entries if entry.label == "LNDP"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "film_board", lambda *_: films)
        build_site(board, folder / "out", "results")
    return folder / "out"


@pytest.fixture(scope="module")
def session():
    with chromium() as browser:
        yield browser


@pytest.fixture
def browser(session):
    """The session's browser, in light colours and at rest; whatever a test does, no page may complain."""
    emulate(session)
    resize(session, 1280, 1000)
    yield session
    assert complaints(session) == []


def click(browser, selector):
    browser.execute_script("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", selector)
    browser.find_element("css selector", selector).click()


def test_pages_load_from_files_only(browser, site):
    for page in [site / "index.html", *sorted((site / "agents").iterdir())]:
        open_page(browser, page)
        asked = [address for address in requests(browser) if not address.startswith("data:")]
        assert asked
        assert all(address.startswith(site.as_uri()) for address in asked), asked
        assert complaints(browser) == []


def test_a_click_on_a_heading_sorts(browser, site):
    open_page(browser, site / "index.html")
    assert browser.execute_script(LABELS) == ["LNDP", "PPO", "DQN", "random"]
    assert browser.execute_script(SORTS)[1] == "descending"
    click(browser, "table.board th:nth-child(2) button")
    # Ascending; what was refused stays last.
    assert browser.execute_script(LABELS) == ["DQN", "PPO", "LNDP", "random"]
    assert browser.execute_script(SORTS) == ["none", "ascending"] + ["none"] * 7
    click(browser, "table.board th:nth-child(1) button")
    assert browser.execute_script(LABELS) == ["DQN", "LNDP", "PPO", "random"]
    click(browser, "table.board th:last-child button")
    assert browser.execute_script(LABELS)[2:] == ["DQN", "random"]
    # Only one agent has a wiring cost: the others come last both ways.
    for _ in range(2):
        click(browser, "table.board th:nth-child(5) button")
        assert browser.execute_script(LABELS)[0] == "LNDP"


def test_everything_can_be_reached_and_sorted_by_keyboard(browser, site):
    from selenium.webdriver import Keys

    open_page(browser, site / "index.html")
    assert tab_to(browser, "a.skip") == 1
    assert browser.execute_script("return document.activeElement.getBoundingClientRect().top >= 0")
    press(browser, Keys.ENTER)
    assert browser.execute_script("return document.activeElement.id") == "main"
    for selector in ("#filter", "input[value=refused]", ".wide", "table.board th:first-child button"):
        tab_to(browser, selector)
    assert browser.execute_script("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    press(browser, Keys.ENTER)
    assert browser.execute_script(LABELS) == ["DQN", "LNDP", "PPO", "random"]
    press(browser, Keys.SPACE)
    assert browser.execute_script(LABELS) == ["PPO", "LNDP", "DQN", "random"]
    assert browser.execute_script(SORTS)[0] == "descending"
    assert tab_to(browser, "table.board th:nth-child(2) button") == 1
    tab_to(browser, "table.board tbody a")
    press(browser, Keys.ENTER)
    assert browser.execute_script("return document.querySelector('h1').textContent") == "PPO"


def test_filtering_by_word_and_status(browser, site):
    open_page(browser, site / "index.html")
    field = browser.find_element("id", "filter")
    field.send_keys("lNd")
    assert browser.execute_script(LABELS) == ["LNDP"]
    assert browser.find_element("id", "count").text == "1 of 4 rows"
    field.send_keys(" nothing")
    assert browser.execute_script(LABELS) == []
    assert browser.find_element("css selector", ".empty").is_displayed()
    field.clear()
    assert len(browser.execute_script(LABELS)) == 4
    browser.find_element("css selector", "input[value=verified]").click()
    assert browser.execute_script(LABELS) == ["DQN", "random"]
    browser.find_element("css selector", "input[value=refused]").click()
    assert browser.execute_script(LABELS) == ["DQN"]


def test_filtering_by_suite_task_agent_and_author(browser, tmp_path):
    from selenium.webdriver.support.ui import Select

    suites = {"classic": ["CartPole-v1"], "other": ["Foraging-v0", "CartPole-v1"]}
    board = make_board(["a", "b"], suites)
    for entry in board.entries:
        entry.manifest["author"] = f"author of {entry.label}"
    build_site(board, tmp_path / "out", "results")
    open_page(browser, tmp_path / "out" / "results.html")
    choose = lambda name, text: Select(browser.find_element("name", name)).select_by_visible_text(text)  # noqa: E731
    count = browser.find_element("id", "count")
    assert count.text == "6 rows"
    for name, text, left in (("suite", "other", 4), ("task", "CartPole-v1", 2), ("author", "author of b", 1)):
        choose(name, text)
        assert count.text == f"{left} of 6 rows"
    assert browser.execute_script(LABELS) == ["b"]
    choose("suite", "classic")
    assert browser.execute_script(LABELS) == ["b"]
    choose("task", "Foraging-v0")
    assert browser.execute_script(LABELS) == []
    # On the first page a suite's section goes with its tables.
    open_page(browser, tmp_path / "out" / "index.html")
    choose("suite", "other")
    seen = "return [...document.querySelectorAll('section.suite')].map(s => s.offsetHeight > 0)"
    assert browser.execute_script(seen) == [False, True]
    choose("task", "CartPole-v1")
    tasks = "return [...document.querySelectorAll('.tasks tbody tr')].filter(r => r.offsetHeight > 0).length"
    assert browser.execute_script(tasks) == 1


def brightness(browser):
    paper = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    return sum(map(int, paper.removeprefix("rgb(").removesuffix(")").split(","))) / 3


def test_colours_follow_the_system_until_the_reader_chooses(browser, site):
    emulate(browser, "dark")
    open_page(browser, site / "index.html")
    assert brightness(browser) < 50
    button = browser.find_element("id", "theme")
    assert button.text == "Light colours"
    button.click()
    assert brightness(browser) > 200
    assert button.text == "Dark colours"
    # The choice holds on other pages and against the system.
    browser.get(next((site / "agents").iterdir()).as_uri())
    assert brightness(browser) > 200
    emulate(browser, "light")
    browser.find_element("id", "theme").click()
    assert brightness(browser) < 50


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280, 1680])
def test_no_page_scrolls_sideways_and_no_table_on_a_desk(browser, site, width, scheme):
    emulate(browser, scheme)
    resize(browser, width, 900)
    for page in sorted(site.rglob("*.html")):
        open_page(browser, page)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width, page
        inside = "return Math.max(0, ...[...document.querySelectorAll('.wide, pre')].map(e => e.scrollWidth - e.clientWidth))"
        assert width < 1280 or browser.execute_script(inside) == 0, page


def test_all_columns_that_a_board_may_have_fit_a_desk(browser, tmp_path):
    @dataclass(frozen=True)
    class Full(Row):
        held_out: float = 0.5
        regained: float = 123.4
        told_clamped: float = -0.123
        action_blind: float = 0.3
        weights_frozen: float = -499.0
        parameters: int = 12_345
        cpu_seconds: float = 5432.0

    board = make_board(["LNDP (identity, reward only)", "PPO"])
    rows = [
        Full(
            **{
                **{f.name: getattr(row, f.name) for f in fields(Row)},
                "wiring_cost": 0.1,
                "over_budget": 1,
                "regained": 123.4,
                "held_out": 0.5,
            }
        )
        for row in board.rows
    ]
    build_site(replace(board, rows=rows), tmp_path / "out", "results")
    open_page(browser, tmp_path / "out" / "index.html")
    assert len(browser.find_elements("css selector", "table.board thead th")) == 16
    wide = "const e = document.querySelector('.wide'); return e.scrollWidth - e.clientWidth"
    assert browser.execute_script(wide) == 0


def edges_shown(browser):
    script = "return [...document.querySelectorAll('.edges')[0].children].filter(e => getComputedStyle(e).display !== 'none').length"
    return browser.execute_script(script)


def test_the_network_grows_by_slider_and_by_button(browser, site):
    from selenium.webdriver import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    open_page(browser, next(p for p in (site / "agents").iterdir() if "lndp" in p.name))
    click(browser, ".player input")
    slider = browser.find_element("css selector", ".player input")
    seen = set()
    for key in (
        Keys.END,
        Keys.HOME,
        Keys.ARROW_RIGHT,
        Keys.ARROW_RIGHT,
        Keys.ARROW_LEFT,
        Keys.END,
        Keys.PAGE_DOWN,
    ):
        slider.send_keys(key)
        caption, _, edges = slider.get_attribute("aria-valuetext").rpartition(": ")
        assert edges_shown(browser) == int(edges.split(" wires of ")[0]), caption
        seen.add(caption)
    assert {"birth", "end of life"} < seen
    assert any(caption.startswith("development, step") for caption in seen)
    button = browser.find_element("css selector", ".play")
    slider.send_keys(Keys.END)
    button.click()
    assert button.text == "Pause"
    WebDriverWait(browser, 20).until(lambda _: int(slider.get_attribute("value")) in range(3, 30))
    button.click()
    assert button.text == "Play"


def test_networks_play_by_themselves_unless_the_reader_asked_for_stillness(browser, site):
    from selenium.webdriver.support.ui import WebDriverWait

    page = next(p for p in (site / "agents").iterdir() if "lndp" in p.name)
    open_page(browser, page)
    click(browser, ".player input")
    assert browser.find_element("css selector", ".play").text == "Play"
    emulate(browser, motion="no-preference")
    open_page(browser, page)
    browser.execute_script("document.querySelector('.network').scrollIntoView()")
    WebDriverWait(browser, 20).until(lambda b: b.find_element("css selector", ".play").text == "Pause")


def test_a_link_to_a_manifest_opens_it(browser, site):
    from selenium.webdriver.support.ui import WebDriverWait

    open_page(browser, next(p for p in (site / "agents").iterdir() if "dqn" in p.name))
    click(browser, ".agent-task tbody th a")
    manifest = browser.find_element("css selector", "details.manifest")
    WebDriverWait(browser, 20).until(lambda _: manifest.get_attribute("open"))
    assert manifest.find_element("css selector", "pre").is_displayed()


def test_hostile_words_run_nothing(browser, tmp_path):
    from selenium.common.exceptions import NoAlertPresentException

    build_site(hostile_board(tmp_path), tmp_path / "out", tmp_path / "results")
    for page in [tmp_path / "out" / "index.html", *list((tmp_path / "out" / "agents").iterdir())[:6]]:
        open_page(browser, page)
        browser.execute_script("document.querySelectorAll('details').forEach(d => { d.open = true })")
        browser.execute_script("document.querySelectorAll('thead button, .play').forEach(b => b.click())")
        with pytest.raises(NoAlertPresentException):
            browser.switch_to.alert.accept()
        assert all(address.startswith(("file:", "data:")) for address in requests(browser))
        assert complaints(browser) == []


def test_the_policy_would_stop_a_script_that_slipped_through(browser, site, tmp_path):
    """Were escaping to fail, the page's policy still keeps inline programs from running."""
    html = (
        (site / "index.html").read_text().replace("</h1>", "</h1><script>document.title = 'run'</script>", 1)
    )
    (tmp_path / "index.html").write_text(html)
    for name in ("site.js", "site.css"):
        (tmp_path / name).write_bytes((site / name).read_bytes())
    open_page(browser, tmp_path / "index.html")
    assert browser.title != "run"
    (complaint,) = complaints(browser)
    assert "Content Security Policy" in complaint


def test_it_can_be_read_without_its_program(browser, site):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get((site / "index.html").as_uri())
        assert "LNDP" in browser.find_element("css selector", "table.board").text
        assert not browser.find_element("css selector", ".filter").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
