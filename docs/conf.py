"""Sphinx configuration."""

from growlabels import __version__

project = "growlabels"
author = "growlabels maintainers"
copyright = "2026, growlabels maintainers"
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
myst_enable_extensions = ["colon_fence", "dollarmath"]
autodoc_typehints = "description"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_ivar = True
# the annotations name types of heavy libraries whose documentation is not linked
nitpicky = False
html_theme = "furo"
html_title = "growlabels"
exclude_patterns = ["_build"]


def setup(app):
    """Leave out methods that scikit-learn adds; their docstrings refer to its own pages."""

    def skip(_app, _what, name, _member, _skip, _options):
        return True if name.startswith("set_") and name.endswith("_request") else None

    app.connect("autodoc-skip-member", skip)
