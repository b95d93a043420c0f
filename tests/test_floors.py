"""Which package may import which: read off the imports of every module."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BELOW = {
    "common": set(),
    "weights": {"common"},
    "datasets": {"common"},
    "report": {"common"},
    "hierarchy": {"common", "weights", "datasets", "report"},
    "image_zooms": {"common", "weights", "datasets", "hierarchy"},
    "pool45_crops": {"common", "weights", "datasets", "hierarchy"},
    "glimpse_rnn": {"common", "weights", "datasets", "report"},
}
"""What the packages that others stand on may import; the rest stand on top."""

DOORS = {"datasets/check.py"}
"""Programs of a package above that lie where their user looks for them."""


def packages() -> set[str]:
    return {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}


def imports_of(path: Path) -> set[str]:
    """The packages that a module imports, at its top or later on."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return {name.partition(".")[0] for name in found} & packages()


@pytest.mark.parametrize("package", sorted(BELOW))
def test_a_module_imports_from_packages_below_its_own(package):
    modules = sorted((ROOT / package).rglob("*.py"))
    assert modules
    for path in modules:
        name = path.relative_to(ROOT).as_posix()
        if name not in DOORS:
            above = imports_of(path) - BELOW[package] - {package}
            assert not above, f"{name} imports {', '.join(sorted(above))}"


@pytest.mark.parametrize("door", sorted(DOORS))
def test_a_door_has_nothing_behind_it_but_settings_and_a_call(door):
    tree = ast.parse((ROOT / door).read_text("utf-8"))
    (main,) = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert len(main.body) <= 4
    module = door.removesuffix(".py").replace("/", ".")
    for package in packages():
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text("utf-8")
            words = (f"import {module}", f"from {module}")
            assert not any(word in text for word in words), path


def test_hierarchy_names_no_network_of_a_detector():
    for path in (ROOT / "hierarchy").rglob("*.py"):
        assert "vgg" not in path.read_text("utf-8").lower(), path
