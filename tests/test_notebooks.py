"""The committed notebooks: executed from top to bottom, small, and of no machine."""

import ast
import io
import re
from importlib import import_module

import nbformat
import numpy as np
import pytest
from PIL import Image

from common.errors import InputError
from notebooks.display import quietly, show
from notebooks.execute import execute, notebooks, plain

NAMES = ("01_image_zooms", "02_pool45_crops", "03_glimpse_rnn", "04_papers")
MOST_BYTES = 1_500_000
"""What a notebook may have with its pictures, which the repository keeps for good."""


def test_all_of_them_are_there_and_others_are_refused():
    assert tuple(path.stem for path in notebooks()) == NAMES
    assert [path.stem for path in notebooks(("03_glimpse_rnn",))] == ["03_glimpse_rnn"]
    with pytest.raises(InputError, match="names has 05; expected some of 01_image"):
        notebooks(("05",))


@pytest.fixture(params=NAMES)
def notebook(request):
    (path,) = notebooks((request.param,))
    found = nbformat.read(path, as_version=4)
    nbformat.validate(found)
    return found


def code_of(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs_of(notebook):
    return [output for cell in code_of(notebook) for output in cell.outputs]


def test_it_was_executed_from_top_to_bottom(notebook):
    counts = [cell.execution_count for cell in code_of(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    kinds = {output.output_type for output in outputs_of(notebook)}
    assert kinds <= {"stream", "display_data", "execute_result"}
    pictures = [kind for output in outputs_of(notebook) for kind in kinds_of(output)]
    assert {"image/png", "image/jpeg"} >= set(pictures)
    assert pictures


def kinds_of(output):
    return [kind for kind in output.get("data", {}) if kind.startswith("image/")]


def test_it_is_small(notebook):
    assert len(nbformat.writes(notebook)) < MOST_BYTES


def test_nothing_in_it_is_of_a_machine(notebook):
    streams = [out for out in outputs_of(notebook) if out.output_type == "stream"]
    assert {out.name for out in streams} <= {"stdout"}, "warnings"
    said = "".join(out.text for out in streams)
    assert "\x1b" not in said, "a progress bar"
    assert not re.search(r"steps/s|images/s|\d s\b", said), "how fast the machine is"
    for text in (said, *(cell.source for cell in notebook.cells)):
        assert not re.search(r"(^|[\s'\"(`])/\w+/", text), "a path"
    assert all(not cell.metadata for cell in notebook.cells)


def test_it_imports_what_there_is(notebook):
    for cell in code_of(notebook):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Import):
                for one in node.names:
                    import_module(one.name)
            elif isinstance(node, ast.ImportFrom):
                module = import_module(node.module)
                for one in node.names:
                    if not hasattr(module, one.name):
                        import_module(f"{node.module}.{one.name}")


def write(path, *sources):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


@pytest.mark.slow
def test_cells_are_executed_where_the_notebook_is(tmp_path):
    (tmp_path / "there.txt").write_text("found")
    path = write(tmp_path / "a.ipynb", "x = open('there.txt').read()", "print(x)")
    executed = execute(path)
    assert [cell.execution_count for cell in executed.cells] == [1, 2]
    assert executed.cells[1].outputs[0].text == "found\n"
    assert plain(executed).metadata.keys() == {"kernelspec", "language_info"}


@pytest.mark.slow
def test_a_cell_that_fails_is_a_failure(tmp_path, capsys):
    path = write(tmp_path / "a.ipynb", "1 / 0", "print('never')")
    with pytest.raises(InputError, match="a.ipynb: a cell fails"):
        execute(path)
    assert "ZeroDivisionError" in capsys.readouterr().err


def picture_of(image):
    return Image.open(io.BytesIO(image.data))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_pictures_are_shown_smaller_and_in_their_colours(tmp_path, suffix):
    path = tmp_path / f"picture{suffix}"
    Image.new("RGB", (800, 400), "#2b8aef").save(path)
    shown = picture_of(show(path, width=200))
    assert (shown.format, shown.size) == ("PNG", (200, 100))
    assert picture_of(show(path)).size == (800, 400)
    middle = np.array(shown.convert("RGB"))[50, 100].astype(int)
    assert np.abs(middle - (0x2B, 0x8A, 0xEF)).max() <= 3


def test_photographs_are_shown_as_jpeg(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    shown = show(tmp_path / "noise.png")
    assert picture_of(shown).format == "JPEG"
    assert shown.format == "jpeg"


def test_pictures_stand_side_by_side_and_equally_high(tmp_path):
    for name, size, colour in (("a", (100, 50), "red"), ("b", (200, 200), "blue")):
        Image.new("RGB", size, colour).save(tmp_path / f"{name}.png")
    shown = picture_of(show(tmp_path / "a.png", tmp_path / "b.png")).convert("RGB")
    assert shown.size == (150, 50)
    assert shown.getpixel((50, 25)) == (255, 0, 0)
    assert shown.getpixel((125, 25)) == (0, 0, 255)


def test_what_programs_say_is_kept_off_the_page(capsys):
    with quietly():
        print("4.2 steps/s")
    print("said")
    assert capsys.readouterr().out == "said\n"
