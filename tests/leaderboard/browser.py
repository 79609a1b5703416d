"""A real Chromium without a window, driven through the driver that its package brings along.

Debian's ``chromium`` and ``chromium-driver`` are of one version, which is why Selenium drives them: it takes the
driver that is there and downloads nothing.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def why_no_browser() -> str:
    """What is missing for a browser test, or nothing."""
    if not any(map(shutil.which, BROWSERS)):
        return "no Chromium is installed (Debian: chromium)"
    if not shutil.which("chromedriver"):
        return "no chromedriver is installed (Debian: chromium-driver)"
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "Selenium is not installed (pip install 'ontogym[test]')"
    return ""


needs_browser = pytest.mark.skipif(bool(why_no_browser()), reason=why_no_browser() or "there is one")


@contextmanager
def chromium() -> Iterator[Chrome]:
    """A browser that records its console and its network."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = next(filter(None, map(shutil.which, BROWSERS)))
    for flag in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,1000"):
        options.add_argument(flag)
    # Chromium refuses to run as root in its sandbox; containers usually run as root.
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        yield browser
    finally:
        browser.quit()


def emulate(browser: Chrome, colours: str = "light", motion: str = "reduce") -> None:
    """Pretend that the reader's system asks for these colours and for this much motion."""
    features = [
        {"name": "prefers-color-scheme", "value": colours},
        {"name": "prefers-reduced-motion", "value": motion},
    ]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def resize(browser: Chrome, width: int, height: int) -> None:
    """A page of so many CSS pixels; narrow ones are phones."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def open_page(browser: Chrome, page: Path) -> None:
    """Open a file with a clean slate: no stored choice, no old log."""
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(page.resolve().as_uri())
    browser.execute_script("try { localStorage.clear() } catch {}")
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(page.resolve().as_uri())
    there = "return location.protocol === 'file:' && document.readyState === 'complete'"
    WebDriverWait(browser, 30).until(lambda _: browser.execute_script(there))


def requests(browser: Chrome) -> list[str]:
    """Addresses that the page has asked for since the last look."""
    found: list[str] = []
    for line in browser.get_log("performance"):
        event: dict[str, Any] = json.loads(line["message"])["message"]
        if event["method"] == "Network.requestWillBeSent":
            found.append(event["params"]["request"]["url"])
    return found


def complaints(browser: Chrome) -> list[str]:
    """What the console says: errors, warnings, blocked resources."""
    return [line["message"] for line in browser.get_log("browser")]


def tab_to(browser: Chrome, selector: str, most: int = 60) -> int:
    """Press Tab until the focus is on `selector`; how often that took.

    Raises:
        AssertionError: it cannot be reached.
    """
    from selenium.webdriver import ActionChains, Keys

    for pressed in range(1, most + 1):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        if browser.execute_script("return document.activeElement.matches(arguments[0])", selector):
            return pressed
    raise AssertionError(f"{selector} cannot be reached in {most} steps of Tab")


def press(browser: Chrome, key: str) -> None:
    """Press one key where the focus is."""
    from selenium.webdriver import ActionChains

    ActionChains(browser).send_keys(key).perform()
