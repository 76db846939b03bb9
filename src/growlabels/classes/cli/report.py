"""Figures of the classes system as sections of a report."""

import unicodedata
from collections.abc import Mapping, Sequence

from growlabels.classes.calibration.scores import Scores
from growlabels.classes.cli.held_out import CalibrationFacts
from growlabels.classes.codes.certificate import Certificate
from growlabels.report import Headline, Plot, Section, Table, line_plot


def fit_section(
    scores: Scores,
    trained: int,
    classes: int,
    dim: int,
    parameters: int,
    certificate: str,
    notes: Sequence[str] = (),
) -> Section:
    """Describe a trained classifier by its scores on held-out rows."""
    dense = parameters_of_linear(parameters, dim, classes)
    return Section(
        title="Held-out rows",
        text=[
            f"Trained on {trained:,} rows of {classes:,} classes; {scores.rows:,} other rows, "
            "drawn class by class, were kept back and are what the figures are about.",
            f"The class vectors are fixed: {certificate}.",
        ],
        headlines=[
            accuracy_headline("accuracy", scores),
            calibration_headline("calibration error", scores),
            Headline(
                "parameters of the output layer",
                parameters,
                "trained numbers in the head, the same for any number of classes; a linear layer "
                f"has more from {dim + 1:,} classes on",
                dense,
                "linear layer on the same features",
                "lower" if classes > dim else "",
            ),
        ],
        plots=[calibration_plot({"this model": scores})],
        tables=[worst_table(scores), confusion_table(scores)],
        warnings=[*score_warnings(scores), *notes],
    )


def look_alike_sentence(names: Sequence[object]) -> str:
    """Say which classes differ in spaces and capitals only, or nothing.

    >>> look_alike_sentence(["cat", "dog", "Cat "])
    "Classes 'cat' and 'Cat ' differ in nothing but spaces or capitals; they are learned apart."
    >>> look_alike_sentence(["cat", "dog"])
    ''
    """
    seen: dict[str, object] = {}
    pairs = []
    for name in names:
        plain = " ".join(unicodedata.normalize("NFC", str(name)).casefold().split())
        if plain in seen:
            pairs.append((seen[plain], name))
        seen.setdefault(plain, name)
    if not pairs:
        return ""
    more = f" (and {len(pairs) - 1:,} more pairs)" if len(pairs) > 1 else ""
    one, other = pairs[0]
    return (
        f"Classes {one!r} and {other!r}{more} differ in nothing but spaces or capitals; they are "
        "learned apart."
    )


def unscored_sentence(unscored: int, classes: int) -> str:
    """Return how many classes have no scored row as a sentence, or an empty string."""
    if not unscored:
        return ""
    return (
        f"{unscored:,} of the {classes:,} classes have no scored row: too few rows to hold "
        "any out. The figures say nothing about these classes."
    )


def evaluate_section(scores: Scores, classes: int, skipped: int) -> Section:
    """Describe a classifier by its scores on a labelled table."""
    warnings = score_warnings(scores)
    if skipped:
        warnings.append(
            f"{skipped:,} rows of classes that the model does not know were left out; every one "
            "of them would have been answered wrongly."
        )
    return Section(
        title="Scored rows",
        text=[
            f"{scores.rows:,} rows of a labelled table were answered by a model of {classes:,} "
            "classes. Rows that it was trained on flatter it. The most frequent class is that of "
            "these rows."
        ],
        headlines=[
            accuracy_headline("accuracy", scores),
            calibration_headline("calibration error", scores),
        ],
        plots=[calibration_plot({"this model": scores})],
        tables=[worst_table(scores), confusion_table(scores)],
        warnings=warnings,
    )


def calibration_sentence(facts: CalibrationFacts) -> str:
    """Say what was fitted on held-out rows."""
    if not facts.rows:
        return (
            f"no threshold for rejection and no temperature: too few rows were held out for a "
            f"false-rejection rate of {facts.false_rejection:g}"
        )
    rate = facts.false_rejection
    chance = (rate * (1 - rate) * 2 / facts.rows) ** 0.5  # as many were scored
    return (
        f"calibrated on {facts.rows:,} other held-out rows: temperature {facts.temperature:.3f}; "
        f"{facts.rejected or 0:.1%} of the scored rows are rejected (at most {rate:.1%} expected, "
        f"which chance moves by some {100 * chance:.1f} points either way)"
    )


def calibration_section(facts: CalibrationFacts) -> Section:
    """Describe temperature and threshold."""
    sentence = calibration_sentence(facts)
    sentence = sentence[0].upper() + sentence[1:] + "."
    if not facts.rows:
        way = " Hold more rows back, or allow more rejections, to have `predict --reject`."
        return Section(title="Rejection", text=[], warnings=[sentence + way])
    return Section(
        title="Rejection",
        text=[
            sentence,
            "A further row of a known class falls below the threshold with at most the stated "
            "probability as long as it is like these rows (split conformal prediction). How many "
            "rows of unknown classes are rejected is not known.",
        ],
    )


def bounds_sentence(certificate: Certificate) -> str:
    """Say how the largest cosine compares with the bounds."""
    how = "proved" if certificate.proved else "measured over all pairs"
    if certificate.alpha == 0:
        return (
            f"{certificate.count:,} vectors in {certificate.dim} dimensions, every one orthogonal "
            f"to every other ({how})."
        )
    bounds = {"Welch": certificate.welch, "Levenshtein": certificate.levenshtein}
    listed = " and ".join(f"{b:.6f} ({name})" for name, b in bounds.items() if b)
    limit = f" No vectors of that number can be below {listed}." if listed else ""
    return (
        f"{certificate.count:,} vectors in {certificate.dim} dimensions, largest |cosine| "
        f"{certificate.alpha:.6f} ({how}).{limit}"
    )


def parameters_of_linear(parameters: int, dim: int, classes: int) -> int:
    """Parameters that a linear layer from the same features to the classes has."""
    return parameters // dim * classes


def accuracy_headline(name: str, scores: Scores) -> Headline:
    """Return the accuracy, with that of the most frequent class for comparison."""
    return Headline(
        name,
        scores.accuracy,
        "share of rows whose most likely class is the right one, 0 to 1",
        scores.majority,
        "always the most frequent class",
        rows=scores.rows,
    )


def calibration_headline(name: str, scores: Scores) -> Headline:
    """Expected calibration error."""
    return Headline(
        name,
        scores.calibration_error,
        "mean distance between the stated probability and the share that is right, 0 is best",
        better="lower",
        rows=scores.rows,
    )


def calibration_plot(models: Mapping[str, Scores]) -> Plot:
    """Stated probability against accuracy."""
    series: dict[str, tuple[Sequence[float], Sequence[float]]] = {
        name: ([p for p, _, _ in s.calibration], [a for _, a, _ in s.calibration])
        for name, s in models.items()
    }
    worst = "; ".join(f"{name}: error {s.calibration_error:.3f}" for name, s in models.items())
    return line_plot(
        "Calibration",
        series | {"perfect": ([0.0, 1.0], [0.0, 1.0])},
        "stated probability",
        "share that is right",
        f"Share of right answers against stated probability, in 15 bins. {worst}.",
        "A line above the diagonal is too modest, one below it too sure. The area of a point is "
        "its number of rows: small points say little.",
        counts={name: [n for _, _, n in s.calibration] for name, s in models.items()},
    )


def percent(share: float, rows: int) -> str:
    """Write a share of so many rows with the digits they bear; never 100 % of fewer than all.

    >>> percent(0.5, 20), percent(0.9996, 4000), percent(1.0, 4000), percent(0.0001, 20_000)
    ('50%', '99.9%', '100.0%', '0.1%')
    """
    unit, digits = (1, 0) if rows <= 100 else (0.1, 1)
    shown = round(100 * share, digits)
    if 0 < share < 1:
        shown = min(max(shown, unit), 100 - unit)
    return f"{shown:.{digits}f}%"


def worst_table(scores: Scores) -> Table:
    """List the classes that are missed most often."""
    return Table(
        "Worst classes",
        ["class", "rows", "recall", "precision", "most frequent wrong answer"],
        [
            (
                one.name,
                one.rows,
                percent(one.recall, one.rows),
                "never answered" if one.precision is None else percent(one.precision, one.rows),
                one.mistaken_for,
            )
            for one in scores.worst
        ],
        note="Recall: share of a class's rows that are answered with it; precision: share of the "
        "rows answered with it that are of it. Of a class with few rows both say little."
        if scores.worst
        else "Every row of every class was answered rightly.",
    )


def confusion_table(scores: Scores) -> Table:
    """List the confusions that cost most rows."""
    return Table(
        "Most frequent confusions",
        ["right class", "answer", "rows", "share of the class"],
        [
            (right, answer, n, percent(share, round(n / share)))
            for right, answer, n, share in scores.confusions
        ],
        note="" if scores.confusions else "No row was answered wrongly.",
    )


def score_warnings(scores: Scores) -> list[str]:
    """Say where the figures are weak."""
    warnings = []
    if scores.rows < 100:
        warnings.append(
            f"Only {scores.rows} rows were scored: the accuracy is good to about "
            f"{1 / scores.rows**0.5:.2f} either way."
        )
    if scores.accuracy <= scores.majority:
        warnings.append("The model is no better than always answering the most frequent class.")
    return warnings
