"""From what a person writes on the command line to a moderator."""

import os
from collections.abc import Iterable
from pathlib import Path

from growlabels.base.errors import DataError, UsageError
from growlabels.unsafe.moderate.keywords import Keywords
from growlabels.unsafe.moderate.moderator import Moderator


def moderator_of(
    spec: str,
    unsafe_labels: Iterable[str] = (),
    endpoint_model: str = "",
    budget: int | None = None,
) -> Moderator:
    """Make a moderator.

    Parameters
    ----------
    spec
        ``keywords:FILE`` (one a line), ``classifier:FOLDER``, ``guard:FOLDER`` (or what
        :func:`load_model` takes), or an endpoint's address.
    unsafe_labels, endpoint_model, budget
        Of :class:`Classifier` and :class:`Endpoint`. The endpoint's key is read from the
        environment variable ``GROWLABELS_API_KEY``.

    Raises
    ------
    UsageError
        The specification cannot be read, or names a file that is not there.
    """
    kind, _, rest = spec.partition(":")
    if kind in ("http", "https"):
        from growlabels.unsafe.moderate.endpoint import API_KEY_VARIABLE, Endpoint

        key = os.environ.get(API_KEY_VARIABLE)
        return Endpoint(spec, endpoint_model, key=key, budget=budget)
    if not rest or kind not in ("keywords", "classifier", "guard"):
        raise UsageError.parameter(
            "moderator",
            "must be keywords:FILE, classifier:FOLDER, guard:FOLDER or an http address",
            spec,
        )
    if kind == "classifier":
        from growlabels.unsafe.moderate.classifier import Classifier

        return Classifier(rest, list(unsafe_labels) or None)
    if kind == "guard":
        from growlabels.unsafe.moderate.classifier import Guard

        return Guard(rest)
    if not Path(rest).is_file():
        raise UsageError.missing_file(rest, "keywords file")
    try:
        return Keywords(Path(rest).read_text("utf-8-sig").splitlines())
    except UnicodeDecodeError as error:
        raise DataError(f"keywords file {rest!r} is not UTF-8; save it as UTF-8") from error
