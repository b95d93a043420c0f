"""What docs/logs.md explains: columns and fields, by heading."""

import re
from pathlib import Path

DOCUMENT = Path(__file__).parents[1] / "docs" / "logs.md"

ANY_NAMES = "settings training detection_rate ap_by_iou intervals".split()
"""Fields whose own are flags, thresholds or other fields, explained as a whole."""


def explained(heading: str) -> set[str]:
    """Return the names in the first column of the tables below a heading."""
    text = DOCUMENT.read_text("utf-8")
    (part,) = re.findall(rf"^## {heading}$(.*?)(?=^## |\Z)", text, re.M | re.S)
    cells = re.findall(r"^\| (`.*?) \|", part, re.M)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def fields_of(value, path="") -> set[str]:
    """Return the paths of all values in a result; those of lists have no number."""
    if path.rpartition(".")[2] in ANY_NAMES:
        return {path}
    if isinstance(value, dict):
        pairs = [(f"{path}.{name}".strip("."), item) for name, item in value.items()]
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        pairs = [(path, item) for item in value]
    else:
        return {path}
    return {field for pair in pairs for field in fields_of(pair[1], pair[0])}


def unexplained(results, heading: str, parts: tuple[str, ...]) -> set[str]:
    """Return the fields of a result that the document does not explain.

    Args:
        results: what a ``results.json`` holds.
        heading: of the document.
        parts: paths below which the same fields are found again.
    """
    names = explained(heading)
    return {
        field
        for field in fields_of(results)
        if not {field, *(field.removeprefix(f"{part}.") for part in parts)} & names
    }
