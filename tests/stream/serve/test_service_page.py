"""The page of the service in a real browser."""

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running_service import TOKEN, running, wait_until

pytest.importorskip("starlette")
from selenium import webdriver
from selenium.webdriver.common.by import By

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM.exists() and DRIVER.exists()), reason="needs chromium and chromedriver"
)
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
GROUPS = [("beach", "sea", "sun"), ("city", "night"), ("forest", "river", "fog")]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in [*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))
    yield driver
    driver.quit()


def made_rows(count: int) -> list[dict[str, Any]]:
    """Labels that go together in groups, one of which begins half-way; scripts as names."""
    rng, rows = random.Random(0), []
    for i in range(count):
        group = GROUPS[rng.randrange(2 if i < count / 2 else 3)]
        x = {name: round(rng.gauss(name in group, 0.3), 3) for g in GROUPS for name in g}
        y = [name for name in group if rng.random() < 0.9]
        rows.append({"x": x, "y": y + ["<script>alert(1)</script>"] * (i % 97 == 5)})
    return rows


def test_the_page_shows_the_stream_as_it_runs(tmp_path: Path, browser: webdriver.Chrome) -> None:
    shots = os.environ.get("GROWLABELS_SCREENSHOTS")
    with running(tmp_path / "run", checkpoint_every="500 rows") as client:
        rows = made_rows(2400)
        client.ask("POST", "/learn", rows[:1600])
        client.settle()
        browser.get(f"http://127.0.0.1:{client.port}/?token={TOKEN}")
        wait_until(lambda: text(browser, "exact").startswith("0."))
        assert browser.current_url == f"http://127.0.0.1:{client.port}/", "the token is in sight"
        client.ask("POST", "/learn", [*rows[1600:], {"id": "a", "x": {"sun": 1.0}}])
        client.settle()
        wait_until(lambda: "2,401 rows so far" in text(browser, "rows"))
        assert text(browser, "awaited") == "1"
        assert float(text(browser, "f1")) > 0.8
        assert browser.find_elements(By.CSS_SELECTOR, "#events circle")
        assert "beach" in text(browser, "clusters") and "form" in text(browser, "event-list")
        assert len(browser.find_elements(By.CSS_SELECTOR, "#trend tbody tr")) >= 8
        paths = browser.find_elements(By.CSS_SELECTOR, "#curve path")
        assert all((path.get_attribute("d") or "").count("L") > 50 for path in paths)
        assert not browser.find_elements(By.CSS_SELECTOR, "main script")
        browser.find_element(By.CSS_SELECTOR, "#last button").click()
        wait_until(lambda: "Why these labels" in text(browser, "why"))
        for scheme in ("light", "dark"):
            feature = [{"name": "prefers-color-scheme", "value": scheme}]
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": feature})
            for width in (1200, 390):
                size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
                browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
                wide = browser.execute_script("return document.documentElement.scrollWidth")
                assert wide <= width
                if shots:
                    height = browser.execute_script("return document.documentElement.scrollHeight")
                    whole = {**size, "height": height}
                    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", whole)
                    browser.save_screenshot(str(Path(shots, f"stream-{scheme}-{width}.png")))
        loaded = browser.execute_script(
            "return performance.getEntriesByType('resource').map(entry => entry.name)"
        )
        assert all(name.startswith(f"http://127.0.0.1:{client.port}/") for name in loaded)
        assert not [e for e in browser.get_log("browser") if "favicon" not in e["message"]]


def test_without_the_token_there_is_no_page(tmp_path: Path, browser: webdriver.Chrome) -> None:
    with running(tmp_path / "run") as client:
        browser.get(f"http://127.0.0.1:{client.port}/")
        assert "The request lacks the token" in browser.page_source


def text(browser: webdriver.Chrome, name: str) -> str:
    return browser.find_element(By.ID, name).text
