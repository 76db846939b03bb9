"""A package of source files written by the tests, the same wherever they run."""

from pathlib import Path

from growlabels.demo.data.code_files import CodeFile

RISKY_FILES, OTHER_FILES = 45, 120


class MadeUpFile(CodeFile):
    """A file in a folder of the test."""

    @property
    def path(self) -> Path:  # type: ignore[override]
        return Path(self.name)


def write_package(folder: Path) -> list[CodeFile]:
    """Write files with two risky functions each, files that use json, and ordinary ones."""
    texts = {}
    for number in range(RISKY_FILES):
        calls = [("eval(text, {})", number % 12), ("exec(text)", (number + 5) % 12)]
        risky = [function(f"risky_{number}_{n}", *call) for n, call in enumerate(calls)]
        clean = [function(f"beside_{number}_{n}") for n in range(6)]
        texts[f"risky_{number}.py"] = "\n\n".join([*risky, *clean])
    for number in range(OTHER_FILES):
        for kind, call in (("related", "json.loads(text)"), ("ordinary", "text.strip()")):
            made = [function(f"{kind}_{number}_{n}", call, n * 5) for n in range(3)]
            texts[f"{kind}_{number}.py"] = "import json\n\n\n" + "\n\n".join(made)
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [MadeUpFile("made-up", str(folder / name)) for name in texts]


def function(name: str, call: str = "len(text)", place: int = 0) -> str:
    """Return a function of twelve statements, one of which is the call."""
    lines = [f"    {name}_{n} = text[{n}] + {n}" for n in range(12)]
    lines[place] = f"    {name}_{place} = {call}"
    return "\n".join([f"def {name}(text):", *lines, ""])
