"""Where this library keeps what it downloaded or worked out, outside any project."""

import os
from pathlib import Path

from growlabels.base.errors import MissingExtraError

VARIABLE = "GROWLABELS_CACHE"


def cache_folder() -> Path:
    """Return the folder that GROWLABELS_CACHE names, else the user's cache folder."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    try:
        import pooch
    except ModuleNotFoundError as error:
        raise MissingExtraError.of("pooch", "demo") from error
    return Path(pooch.os_cache("growlabels"))
