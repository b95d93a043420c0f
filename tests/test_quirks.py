from dataclasses import fields
from pathlib import Path

import pytest

from common.errors import InputError
from hierarchy.quirks import Quirks

NAMES = [field.name for field in fields(Quirks)]
FIDELITY = Path(__file__).parents[1] / "FIDELITY.md"


def test_by_default_nothing_is_as_published():
    assert Quirks.parse([]) == Quirks()
    assert Quirks().names() == []


def test_published_is_every_row():
    assert Quirks.parse(["published"]).names() == NAMES


def test_rows_are_named_one_by_one():
    assert Quirks.parse(["stale_state", "epsilon"]).names() == [
        "stale_state",
        "epsilon",
    ]


def test_a_name_that_is_no_row_is_told_the_names():
    with pytest.raises(InputError, match="no row 'stale'.*stale_state"):
        Quirks.parse(["stale"])


def test_fidelity_lists_every_row_in_order():
    rows = [
        line.split("|")[2].strip(" `")
        for line in FIDELITY.read_text("utf-8").splitlines()
        if line.startswith("| ") and line.split("|")[1].strip().isdigit()
    ]
    assert rows[: len(NAMES)] == NAMES


def test_fidelity_names_tests_that_exist():
    root = FIDELITY.parent
    for line in FIDELITY.read_text("utf-8").splitlines():
        for word in line.split("`"):
            if word.startswith("tests/") and "::" in word:
                path, name = word.split("::")
                assert f"def {name}(" in (root / path).read_text("utf-8"), word
