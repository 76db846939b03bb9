"""Public names and their signatures change only on purpose: they are compared with a list.

    python tests/contracts/test_public_names.py

writes the list anew. A change of it needs a line in CHANGELOG.md.
"""

import importlib
import inspect
import re
from pathlib import Path

LIST = Path(__file__).with_name("public_names.txt")
PACKAGES = ("growlabels.classes", "growlabels.unsafe", "growlabels.stream", "growlabels.report")


def signature(value: object) -> str:
    """Return the names and defaults of parameters; annotations differ from version to version."""
    try:
        parameters = inspect.signature(value).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return ""
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
    text = str(inspect.Signature(bare))
    return re.sub(r" at 0x[0-9a-f]+", "", text)


def public_names() -> list[str]:
    """Return a line for each public name, and for each public method of the classes."""
    lines = []
    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in sorted(module.__all__):
            value = getattr(module, name)
            lines.append(f"{package}.{name}{signature(value)}")
            if inspect.isclass(value) and value.__module__.startswith("growlabels"):
                for method, own in sorted(vars(value).items()):
                    if not method.startswith("_") and callable(getattr(value, method, None)):
                        bound = own.__func__ if isinstance(own, classmethod | staticmethod) else own
                        lines.append(f"{package}.{name}.{method}{signature(bound)}")
    return lines


def test_public_names_are_those_of_the_list() -> None:
    listed = LIST.read_text("utf-8").splitlines()
    found = public_names()
    gone, new = sorted(set(listed) - set(found)), sorted(set(found) - set(listed))
    assert not gone and not new, (
        f"changed or gone: {gone}; changed or new: {new}. If this is meant, run "
        "python tests/contracts/test_public_names.py and add a line to CHANGELOG.md"
    )


if __name__ == "__main__":
    LIST.write_text("\n".join(public_names()) + "\n", "utf-8")
