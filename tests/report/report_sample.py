"""A report with every kind of element, as systems make them."""

from functools import cache

import numpy as np

from growlabels.report import (
    Headline,
    Report,
    Section,
    Table,
    TreeNode,
    bar_plot,
    histogram_plot,
    line_plot,
    scatter_plot,
    tree_plot,
)


@cache
def sample_report(word: str = "x") -> Report:
    """Return a report in which every text field holds a word."""
    random = np.random.default_rng(0)
    steps = list(range(0, 2000, 10))
    leaves = tuple(TreeNode(f"{word} {i}", value=float(i), note=word) for i in range(8))
    plots = (
        line_plot(
            word,
            {word: (steps, random.random(200)), "b": (steps, random.random(200))},
            word,
            word,
            word,
            word,
            events=[(100, word), (105, "second"), (900, "third")],
        ),
        line_plot(
            "log", {"a": ([1, 10, 1e5], [1e-3, 1, 10])}, "x", "y", "z", log_x=True, log_y=True
        ),
        bar_plot(word, {word: 0.5, "b": -0.25}, word, word, word, {word: 0.1}, baselines=["b"]),
        histogram_plot(
            word, {word: random.normal(size=90), "b": [0.5]}, word, word, word, {word: 1}
        ),
        scatter_plot(word, {word: ([1, 20_000], [1, 2]), "b": ([3], [3])}, word, word, word, word),
        tree_plot(word, TreeNode(word, (TreeNode("c", leaves, 2.0, word), *leaves)), word, word),
    )
    headlines = (
        Headline(word, 0.5, word, 0.25, word, rows=2417),
        Headline("loss", 2, "as low as can be", 1, "", "lower", 1),
        Headline("words", word, word, better=""),
    )
    table = Table(word, (word, "value"), ((word, 1.0), ("b", None), ("c", float("nan"))), word)
    sections = (
        Section(word, (word, "second"), headlines, plots, (table,), (word,)),
        Section(word, (), plots=plots[:1]),
    )
    settings = {word: word, "nested": {"rate": 0.0125, "layers": [1, 2]}, "empty": {}}
    return Report(word, word, sections, settings, (0, 1234), {"python": "3.11"}, (word,))
