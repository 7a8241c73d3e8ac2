"""What docs/architecture.md says of all code: rooms of a readable size, one name for one thing."""

import ast
import importlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
PACKAGES: Final = [
    "model",
    "storage",
    "promql",
    "scraper",
    "ingest",
    "alerting",
    "analytics",
    "web",
    "exporter",
    "daemon",
    "benchmarks",
    "middleware",
]
MOST_MODULES: Final = 20
MOST_LINES: Final = 400
MOST_FUNCTION_LINES: Final = 60


def modules(*packages: str) -> Iterator[Path]:
    for package in packages:
        yield from sorted((ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    """Every module of ours, parsed."""
    return {name_of(path): ast.parse(path.read_text()) for path in modules(*PACKAGES, "tests")}


def test_no_folder_has_more_modules_than_one_looks_over() -> None:
    counts: defaultdict[str, int] = defaultdict(int)
    for path in modules(*PACKAGES, "tests"):
        counts[name_of(path.parent)] += path.name != "__init__.py"
    assert {folder: count for folder, count in counts.items() if count > MOST_MODULES} == {}


def test_no_module_is_longer_than_one_reads_at_once() -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in modules(*PACKAGES)}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_no_function_is_longer_than_a_screen(trees: dict[str, ast.Module]) -> None:
    long = [
        f"{name}:{node.lineno} {node.name}"
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= MOST_FUNCTION_LINES
    ]
    assert long == []


def test_no_two_classes_share_a_name(trees: dict[str, ast.Module]) -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for name, tree in trees.items():
        if not name.startswith("tests/"):
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    places[node.name].append(name)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_each_package_says_what_it_is_and_names_what_it_has(trees: dict[str, ast.Module]) -> None:
    for path in modules(*PACKAGES):
        if path.name == "__init__.py":
            # `middleware` is no package: it is the folder of a distribution.
            folder = path.parent.relative_to(ROOT).as_posix().removeprefix("middleware/")
            package = folder.replace("/", ".")
            assert ast.get_docstring(trees[name_of(path)]), package
            public = getattr(importlib.import_module(package), "__all__", ())
            for name in public:
                found = (path.parent / name).is_dir() or (path.parent / f"{name}.py").exists()
                assert found or hasattr(importlib.import_module(package), name), (package, name)


def test_tests_stand_where_their_modules_do() -> None:
    tests = [path for path in modules("tests") if path.name.startswith("test_")]
    folders = {name_of(path.parent) for path in tests}
    mirrored = {folder for folder in folders if folder.split("/")[1:2] in [[p] for p in PACKAGES]}
    missing = {f for f in mirrored if not (ROOT / f.removeprefix("tests/")).is_dir()}
    assert missing == set()
