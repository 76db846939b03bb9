"""Who imports whom, how long files may be, and what an import may load."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "growlabels"
SYSTEMS = {"classes", "unsafe", "stream"}
MOST_FILES = 17
STREETS = {
    "stream": "cli serve evaluate learner label_tree experts paper clusters files rows numeric",
    "classes": "cli classifier adoption calibration losses heads products inputs images codes",
    "unsafe": "cli decide measure scores moderate gradients features model rows",
}
"""The folders of each system; a folder imports from those after it only."""

ALLOWED = {
    "base": {"base"},
    "tables": {"tables", "base"},
    "web": {"web", "base"},
    "report": {"report", "base"},
    "datasets": {"datasets", "tables", "base"},
    **{system: {system, "base", "tables", "web", "report", "datasets"} for system in SYSTEMS},
    "engines": {"engines", "base", "tables", *SYSTEMS},
    "demo": {"demo", "base", "tables", "report", "datasets", *SYSTEMS},
    "cli": {"", "base", "tables", "report", "datasets", "demo", *SYSTEMS},
    "__main__": {"cli"},
    "": set(),
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


COMMANDS = ["cli", "commands"]
"""The modules of options, which the command line alone may import from outside."""


def part(path: Path) -> str:
    """The folder of the package, or the module's name at the top, or "" for its __init__."""
    inside = path.relative_to(PACKAGE).with_suffix("").parts
    return "" if inside == ("__init__",) else inside[0]


def imported_modules(path: Path) -> set[str]:
    """Dotted names below growlabels that a file imports, wherever in the file, for types too."""
    names = set()
    package = ("growlabels", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *(node.module or "").split("."))).strip(".")
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.partition(".")[0] == "growlabels"}


def home(name: str) -> Path | None:
    """The file that defines a dotted name, the longest match."""
    parts = name.split(".")[1:]
    for end in range(len(parts), -1, -1):
        stem = PACKAGE.joinpath(*parts[:end])
        for candidate in (stem.with_suffix(".py"), stem / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_file_imports_only_what_the_plan_allows(path: Path) -> None:
    targets = {part(file) for name in imported_modules(path) if (file := home(name))}
    assert targets <= ALLOWED[part(path)] | {""}, f"{path.name} imports {sorted(targets)}"


def test_plan_covers_every_folder() -> None:
    assert {part(path) for path in modules()} <= set(ALLOWED)
    for system, street in STREETS.items():
        folders = {p.parent.name for p in (PACKAGE / system).glob("*/__init__.py")}
        assert folders <= set(street.split())


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_file_imports_down_the_street_of_its_system(path: Path) -> None:
    system, folder = (*path.relative_to(PACKAGE).parts, "", "")[:2]
    street = STREETS.get(system, "").split()
    if folder not in street:
        return
    below = street[street.index(folder) :]
    for name in imported_modules(path):
        inside = name.split(".")[1:3]
        if inside[0] == system and len(inside) == 2 and inside[1] in street:
            assert inside[1] in below, f"{system}/{folder} imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_outside_a_system_reaches_below_its_public_names(path: Path) -> None:
    system = part(path)
    for name in imported_modules(path):
        inside = name.split(".")[1:]
        if inside[0] not in SYSTEMS - {system} or (system, inside[1:3]) == ("cli", COMMANDS):
            continue
        assert home(".".join(name.split(".")[:3])) in (PACKAGE / inside[0] / "__init__.py", None), (
            f"{path.name} imports {name}"
        )


@pytest.mark.parametrize(
    "folder",
    sorted({p.parent for p in modules()}),
    ids=lambda p: str(p.relative_to(PACKAGE)),
)
def test_folder_holds_few_files(folder: Path) -> None:
    assert len(list(folder.glob("*.py"))) <= MOST_FILES


def test_files_below_a_system_have_plain_names() -> None:
    deep = [p for s in SYSTEMS for p in (PACKAGE / s).rglob("*.py") if p.name != "__init__.py"]
    assert not [p for p in deep if p.name.startswith("_") or p.parent == PACKAGE / p.parent.name]


def test_no_import_circle() -> None:
    graph = {
        path: {file for name in imported_modules(path) if (file := home(name)) and file != path}
        for path in modules()
    }
    done: set[Path] = set()

    def visit(path: Path, trail: tuple[Path, ...]) -> None:
        assert path not in trail, " -> ".join(p.stem for p in (*trail, path))
        if path in done:
            return
        for target in graph[path]:
            visit(target, (*trail, path))
        done.add(path)

    for path in graph:
        visit(path, ())


@pytest.mark.parametrize(
    "path",
    [p for folder in ("src", "tests", "benchmarks") for p in sorted((ROOT / folder).rglob("*.py"))],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_file_is_at_most_400_lines(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 400


def test_no_module_is_named_by_what_it_is_not() -> None:
    assert not {p.stem.strip("_") for p in modules()} & {"utils", "util", "helpers", "common"}


HEAVY = ("torch", "numba", "river", "transformers", "sklearn", "matplotlib.pyplot", "scipy")


@pytest.mark.parametrize(
    "arguments",
    [
        ["-c", "import growlabels"],
        ["-c", "import growlabels.base, growlabels.tables, growlabels.report, growlabels.datasets"],
        ["-c", "import growlabels.stream, growlabels.classes, growlabels.unsafe"],
        ["-m", "growlabels", "--help"],
        ["-m", "growlabels", "stream", "--help"],
    ],
    ids=["package", "base", "systems", "help", "system help"],
)
def test_import_and_help_stay_light(arguments: list[str]) -> None:
    run = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=900,
    )
    loaded = {line.rpartition("|")[2].strip() for line in run.stderr.splitlines()}
    assert not loaded & set(HEAVY)


def test_no_model_or_pickle_is_kept_among_the_sources() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone: which files are kept is not known")
    kept = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert "README.md" in kept
    texts = [
        ".py",
        ".sh",
        ".typed",
        ".md",
        ".html",
        ".css",
        ".js",
        ".json",
        ".toml",
        ".txt",
        ".cff",
        ".png",
        ".yml",
        ".service",
    ]
    assert {Path(name).suffix for name in kept} <= {"", *texts}
