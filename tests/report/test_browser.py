"""The page in a real browser, where one is installed."""

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from report_sample import sample_report

from growlabels.report import render

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
OPTIONS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--disable-dev-shm-usage",
]
MEASURE = """<!DOCTYPE html><title>none</title>
<iframe id="page" width="360" height="800" srcdoc="{page}"></iframe>
<script>
onload = () => {{
  const view = document.getElementById("page").contentDocument;
  const sizes = [...view.querySelectorAll("figure svg text")].map((text) => {{
    const svg = text.ownerSVGElement;
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    return scale * parseFloat(getComputedStyle(text).fontSize);
  }});
  document.title = [view.documentElement.scrollWidth, Math.min(...sizes).toFixed(1),
    view.compatMode].join(" ");
}};
</script>"""


@pytest.mark.skipif(not BROWSER, reason="no Chromium is installed")
def test_fits_a_phone_and_text_in_plots_is_readable(tmp_path: Path) -> None:
    page = tmp_path / "measure.html"
    page.write_text(MEASURE.format(page=html.escape(render(sample_report("label")))), "utf-8")
    command = [BROWSER, *OPTIONS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    try:
        done = subprocess.run(
            [*command, page.as_uri()], capture_output=True, text=True, timeout=900, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip("Chromium does not answer here")
    title = re.search(r"<title>(\d+) ([\d.]+) (\w+)</title>", done.stdout)
    if title is None:
        pytest.skip(f"Chromium does not start here: {done.stderr[-200:]}")
    assert int(title[1]) <= 360, "the page is wider than a phone"
    assert float(title[2]) >= 7.0, "text in a plot is too small on a phone"
    assert title[3] == "CSS1Compat"
