"""The review page in a real browser, by its keys alone."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from reviewed_scan import ROWS, make_scan, served
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

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


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in [*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(str(DRIVER))
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


def row_shown(browser: webdriver.Chrome) -> int:
    """The row on the page; 0 on the page without one."""
    found = browser.find_elements(By.ID, "row")
    return int(found[0].get_attribute("data-number") or 0) if found else 0


def press(browser: webdriver.Chrome, key: str, becomes: Callable[[], bool]) -> None:
    webdriver.ActionChains(browser).send_keys(key).perform()
    WebDriverWait(browser, 600, ignored_exceptions=[Exception]).until(lambda _: becomes())


def decided(run: Path) -> list[str]:
    lines = (run / "decisions.jsonl").read_text().splitlines()
    return [json.loads(line)["decision"] for line in lines]


def text(browser: webdriver.Chrome, name: str) -> str:
    return browser.find_element(By.ID, name).text


def test_a_person_decides_by_keys_and_loses_nothing_when_the_server_is_killed(
    tmp_path: Path, browser: webdriver.Chrome
) -> None:
    run = make_scan(tmp_path)
    with served(run) as (server, address):
        browser.get(address)
        assert "may be disturbing" in browser.page_source and "eval(" not in browser.page_source
        press(browser, "\ue007", lambda: row_shown(browser) > 0)
        order = [row_shown(browser)]
        for _ in range(4):
            press(browser, "j", lambda: row_shown(browser) != order[-1])
            order.append(row_shown(browser))
        assert len(set(order)) == 5 and 1 in order
        while row_shown(browser) != order[0]:
            here = row_shown(browser)
            press(browser, "\ue012", lambda here=here: row_shown(browser) != here)
        press(browser, "r", lambda: row_shown(browser) == order[1])
        press(browser, "a", lambda: row_shown(browser) == order[2])
        press(browser, "z", lambda: row_shown(browser) == order[1])
        press(browser, "u", lambda: row_shown(browser) == order[2])
        assert decided(run) == ["reject", "accept", "undo", "unsure"]
        assert "2 of 5 decided: 0 accepted, 1 rejected, 1 unsure" in text(browser, "counts")
        server.kill()
    with served(run) as (_, address):
        browser.get(address)
        assert "2 of 5 decided: 0 accepted, 1 rejected, 1 unsure" in text(browser, "counts")
        press(browser, "t", lambda: "Scores and ranks have been updated" in browser.page_source)
        assert (run / "reviewed.parquet").exists()
        press(browser, "j", lambda: row_shown(browser) > 0)
        assert "before the rescan" in browser.page_source


def test_a_script_in_a_row_is_text_and_nothing_comes_from_elsewhere(
    tmp_path: Path, browser: webdriver.Chrome
) -> None:
    shots = os.environ.get("GROWLABELS_SCREENSHOTS")
    with served(make_scan(tmp_path)) as (_, address):
        browser.get(f"{address}row/1")
        assert text(browser, "response") == ROWS[0]["completion"]
        assert browser.title == "Row 1 - growlabels unsafe review"
        assert not browser.find_elements(By.CSS_SELECTOR, "img, main script")
        assert browser.find_elements(By.CSS_SELECTOR, "#response mark")
        loaded = browser.execute_script(
            "return performance.getEntriesByType('resource').map(entry => entry.name)"
        )
        assert loaded and all(name.startswith(address) for name in loaded)
        for scheme in ("light", "dark"):
            feature = [{"name": "prefers-color-scheme", "value": scheme}]
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": feature})
            for width in (1200, 390):
                size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
                browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
                for page in ("", "row/1"):
                    browser.get(address + page)
                    wide = browser.execute_script("return document.documentElement.scrollWidth")
                    assert wide <= width
                    if shots:
                        name = f"{scheme}-{width}-{page.replace('/', '') or 'start'}.png"
                        browser.save_screenshot(str(Path(shots, name)))
        assert not browser.get_log("browser")
