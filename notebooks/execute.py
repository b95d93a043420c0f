"""Execute the notebooks from top to bottom: ``python -m notebooks.execute``.

Executed copies go to ``runs/notebooks``; with ``--write 1`` they replace the committed
notebooks, without whatever changes from one execution to the next for no reason. A cell
that fails ends it with exit status 1.
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from common.command_line import run
from common.errors import InputError
from common.files import REPOSITORY, write_text

FOLDER = Path(__file__).parent
CELL_SECONDS = 1200
"""Time after which a cell counts as hanging."""


@dataclass(frozen=True)
class Settings:
    """Execute the notebooks."""

    names: tuple[str, ...] = ()
    """Which ones, such as 01_image_zooms; all if left out."""
    write: Literal[0, 1] = 0
    """1 replaces the committed notebooks by the executed ones."""
    out: Path = REPOSITORY / "runs" / "notebooks" / "executed"
    """Folder for executed copies."""


def notebooks(names: tuple[str, ...] = ()) -> list[Path]:
    """Return the notebooks' files in order.

    Raises:
        InputError: there is none of such a name; lists those there are.
    """
    there = {path.stem: path for path in sorted(FOLDER.glob("*.ipynb"))}
    for name in names:
        if name not in there:
            raise InputError(f"names has {name}; expected some of {', '.join(there)}")
    return [there[name] for name in names or there]


def execute(path: Path) -> NotebookNode:
    """Return a notebook with the outputs that its cells have now.

    Raises:
        InputError: a cell fails; names the notebook, and ends with what it said.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        coalesce_streams=True,  # what a cell prints stays in one piece
        extra_arguments=["--log-level=ERROR"],
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        client.execute()
    except CellExecutionError as error:
        print(error, file=sys.stderr)
        raise InputError(f"{path.name}: a cell fails, see above") from error
    return plain(notebook)


def plain(notebook: NotebookNode) -> NotebookNode:
    """Take out of a notebook what says nothing: times, versions, kernels' names."""
    notebook.metadata = NotebookNode(
        kernelspec=NotebookNode(
            display_name="Python 3", language="python", name="python3"
        ),
        language_info=NotebookNode(name="python"),
    )
    for cell in notebook.cells:
        cell.metadata = NotebookNode()
    return notebook


def main(settings: Settings) -> None:
    """Execute one after the other."""
    for path in notebooks(settings.names):
        start = time.perf_counter()
        executed = execute(path)
        target = path if settings.write else settings.out / path.name
        write_text(target, nbformat.writes(executed) + "\n")
        print(f"{path.name}: {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    run(main, Settings)
