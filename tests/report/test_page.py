"""The page: escaped, self-contained, accessible, valid, the same for the same report."""

import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_sample import sample_report

from growlabels.base.errors import GrowLabelsError, UsageError
from growlabels.report import Headline, Plot, Report, Section, Table, render, write_report
from growlabels.report._page import compare

ATTACK = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{ 7 * 7 }}"
VOID = {"meta", "link", "br", "img", "hr", "input"}


class Elements(HTMLParser):
    """Collects elements, and complains about tags that do not pair."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def of(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag in tags]


@pytest.fixture(scope="module")
def page() -> str:
    return render(sample_report("word"))


def test_markup_in_any_field_is_shown_as_text() -> None:
    found = Elements(render(sample_report(ATTACK)))
    assert not found.of("script", "img", "iframe", "object")
    assert not [
        name for _, attributes in found.found for name in attributes if name.startswith("on")
    ]
    text = "".join(found.text)
    assert text.count("<script>alert(1)</script>") > 40
    assert text.count("{{ 7 * 7 }}") > 40


@settings(max_examples=15, deadline=None)
@given(st.text(max_size=30))
def test_any_text_gives_a_page_whose_tags_pair(word: str) -> None:
    sections = (Section(word, (word,), (Headline(word, word, word),), (), (), (word,)),)
    Elements(render(Report(word, word, sections, {word: word}, versions={})))


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    found = Elements(page)
    assert not found.of("script", "link", "iframe", "img", "object", "embed", "base")
    for tag, attributes in found.found:
        for name in ("src", "href", "xlink:href", "action", "data", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith("#"), (tag, name, value)
    assert not re.search(r"@import|url\(\s*['\"]?(?!#)", page)


def test_ids_are_unique_and_every_reference_has_its_element(page: str) -> None:
    found = Elements(page)
    ids = [a["id"] for _, a in found.found if a.get("id") is not None]
    assert len(ids) == len(set(ids))
    links = re.findall(r'href="#([^"]+)"', page) + re.findall(r"url\(#([^)]+)\)", page)
    assert links and set(links) <= set(ids)


def test_every_plot_has_a_text_alternative_and_a_data_table(page: str) -> None:
    found = Elements(page)
    plots = found.of("svg")
    assert len(plots) == len(found.of("figure")) == len(found.of("details")) == 7
    ids = {a.get("id") for _, a in found.found}
    for svg in plots:
        assert svg["role"] == "img" and "width" not in svg
        assert set(str(svg["aria-labelledby"]).split()) <= ids
    assert page.count("<desc") == 7
    for details in re.findall(r"<details>.*?</details>", page, re.DOTALL):
        assert "<table" in details and "<summary" in details


def test_structure(page: str) -> None:
    found = Elements(page)
    assert page.startswith("<!DOCTYPE html>") and found.of("html")[0]["lang"] == "en"
    assert found.of("meta")[0] == {"charset": "utf-8"}
    assert len(found.of("h1")) == len(found.of("main")) == len(found.of("nav")) == 1
    assert "prefers-color-scheme: dark" in page and "@media print" in page
    assert "0.0125" in page and "1234" in page and "2,417 rows scored" in page


def test_warnings_come_before_the_contents(page: str) -> None:
    top = page[: page.index("<nav")]
    assert top.count('class="warning"') == 2 and 'href="#s-word"' in top


def test_same_report_same_page(page: str) -> None:
    assert render(sample_report("word")) == page


def test_like_figures_of_a_column_share_their_decimals() -> None:
    table = Table("t", ("a", "b", "c"), ((5312.4, 0.25, 83.125), (0.125, None, 9.0)))
    page = render(Report("r", "", (Section("s", (), tables=(table,)),), {}))
    shown = re.findall(r'<td class="number">([^<]*)</td>', page)
    assert shown == ["5,312", "0.250", "83.12", "0.125", "–", "9.00"]


@pytest.mark.parametrize(
    ("headline", "kind", "text"),
    [
        (Headline("a", 0.5, "", 0.4), "better", "0.100 higher, better"),
        (Headline("a", 0.5, "", 0.4, better="lower"), "worse", "0.100 higher, worse"),
        (Headline("a", 3, "", 5, better="lower"), "better", "2 lower, better"),
        (Headline("a", 3, "", 5, better=""), "none", "2 lower"),
        (Headline("a", 0.50001, "", 0.5), "equal", "no difference at this precision"),
        (Headline("a", float("nan"), "", 0.5), "none", "cannot be compared"),
        (Headline("a", "words", "", 0.5), "none", ""),
        (Headline("a", 1.0, ""), "none", ""),
    ],
)
def test_comparison_in_words(headline: Headline, kind: str, text: str) -> None:
    assert (compare(headline).kind, compare(headline).text) == (kind, text)


def test_ragged_table_is_refused() -> None:
    section = Section("s", (), tables=(Table("t", ("a", "b"), ((1, 2), (3,))),))
    with pytest.raises(UsageError, match="table 't' row 2 has 1 cells for 2 columns"):
        render(Report("r", "", (section,), {}))


@pytest.mark.parametrize(
    "svg",
    [
        "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "<svg xmlns='http://www.w3.org/2000/svg'><g style='fill: url(http://a.b/c)'/></svg>",
        "<svg xmlns='http://www.w3.org/2000/svg'><use href='other.svg#x'/></svg>",
        "<svg xmlns='http://www.w3.org/2000/svg'><style>* {}</style></svg>",
        "<svg>",
        "<svg/>",
        "no picture",
    ],
)
def test_active_or_broken_svg_is_refused(svg: str) -> None:
    plot = Plot("p", svg, "alt", Table("t", ("a",), ((1,),)))
    with pytest.raises(UsageError, match="plot 'p'"):
        render(Report("r", "", (Section("s", (), plots=(plot,)),), {}))


def test_write_makes_the_folder_and_keeps_the_old_page_on_failure(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.html"
    report = sample_report()
    write_report(report, path)
    before = path.read_text("utf-8")
    assert before == render(report)
    bad = Section("s", (), tables=(Table("t", ("a",), ((1, 2),)),))
    with pytest.raises(GrowLabelsError):
        write_report(replace(report, sections=(bad,)), path)
    assert path.read_text("utf-8") == before and list(path.parent.iterdir()) == [path]


def test_a_single_string_is_one_paragraph_and_one_warning() -> None:
    section = Section("t", "one two", warnings="mind this")
    page = render(Report("t", "s", [section], {}, warnings="and this"))
    assert "one two" in page and "mind this" in page and "and this" in page
