"""The project as ``pip install .`` leaves it: what it brings, and where it writes."""

import email
import os
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from elsewhere import copy_working_tree, squeezed
from packaging.requirements import Requirement
from packaging.version import Version
from trunk_files import keras_3

pytestmark = pytest.mark.slow

PROGRAMS = {
    "image_zooms.train": "models_image_zooms",
    "image_zooms.test": "testing_visualizations",
    "pool45_crops.train": "models_pool45_crops",
    "pool45_crops.test": "testing_visualizations",
    "glimpse_rnn.train": "models_glimpse_rnn",
    "glimpse_rnn.test": "testing_visualizations",
}
ABSENT = 'import sys; sys.modules["tensorflow"] = None\n'  # as if it were not installed
elsewhere_than_on_tensorflow = pytest.mark.skipif(
    os.environ.get("KERAS_BACKEND") not in ("jax", "torch"),
    reason="make test-backends runs it on JAX and on PyTorch",
)
TOY = ["--number_of_steps", "2", "--path_model", "models"]
LEARN = ["--epochs", "1", "--batch_size", "2", "--learning_starts", "2"]


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A copy of the working tree that nothing is installed from."""
    folder = tmp_path_factory.mktemp("clone")
    copy_working_tree(folder)
    return folder


@pytest.fixture(scope="module")
def wheel(clone, tmp_path_factory):
    if Version(version("setuptools")) < Version("77"):
        pytest.skip("setuptools 77 builds it; pip install -e '.[dev]' brings it")
    source, folder = (tmp_path_factory.mktemp(name) for name in ("source", "wheel"))
    copy_working_tree(source)  # building leaves files in it
    pip(
        *("wheel", "--no-deps", "--no-index", "--no-build-isolation"),
        *("--wheel-dir", folder, source),
    )
    (path,) = folder.glob("*.whl")
    return path


def pip(*words):
    words = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words]
    said = subprocess.run(list(map(str, words)), capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """An environment with the wheel and this one's libraries, but not this clone."""
    folder = tmp_path_factory.mktemp("environment")
    words = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(words, check=True)
    scheme = sysconfig.get_preferred_scheme("prefix")
    base = {"base": str(folder), "platbase": str(folder)}
    packages = Path(sysconfig.get_path("purelib", scheme, base))
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "libraries.pth").write_text("\n".join(libraries) + "\n")
    python = folder / sysconfig.get_path("scripts", scheme, base) / "python"
    pip("--python", python, "install", "--no-deps", "--no-index", wheel)
    return python, packages


def start(environment, *words, folder, **variables):
    """Run a program of an environment in a folder and return what it said."""
    python, _ = environment
    process = subprocess.run(
        [python, *map(str, words)],
        cwd=folder,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"} | variables,
        capture_output=True,
        text=True,
        timeout=300,
        stdin=subprocess.DEVNULL,
    )
    assert process.returncode == 0, process.stderr + process.stdout
    return process.stdout


def listed(clone):
    lines = (clone / "requirements.txt").read_text().splitlines()
    return {str(Requirement(line)) for line in lines if not line.startswith("#")}


def test_the_wheel_needs_what_requirements_txt_lists_and_nothing_else(clone, wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith("dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(name))
    needed = map(Requirement, metadata.get_all("Requires-Dist"))
    assert {str(r) for r in needed if "extra" not in str(r.marker)} == listed(clone)
    assert metadata["License-Expression"] == "MIT"


def test_the_wheel_holds_all_packages_and_the_files_that_they_read(clone, wheel):
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    packages = [path.parent for path in clone.glob("*/__init__.py")]
    patterns = ("**/*.py", "*.json", "*.txt", "web/*")
    assert {path.name for path in packages} >= {"common", "weights", "glimpse_rnn"}
    assert found == {
        path.relative_to(clone).as_posix()
        for folder in packages
        for pattern in patterns
        for path in folder.glob(pattern)
    }


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_installed_program_keeps_to_the_folder_it_is_started_in(
    program, environment, tmp_path
):
    said = start(environment, "-m", program, "--help", folder=tmp_path)
    _, _, settings = said.partition("\n\n")  # usage names the program's own file
    assert squeezed(tmp_path / PROGRAMS[program]) in squeezed(settings)
    assert squeezed(environment[1]) not in squeezed(settings)


def test_an_installed_program_writes_nothing_among_the_packages(environment, tmp_path):
    before = files_in(environment[1])
    start(environment, "-m", "datasets.drawn.digits", folder=tmp_path)
    assert (tmp_path / "drawn" / "digits.png").is_file()
    assert files_in(environment[1]) == before


def files_in(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_an_installed_program_takes_no_commit_from_where_it_is_started(
    environment, tmp_path
):
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    identity = ["-c", "user.name=a", "-c", "user.email=b"]
    words = ["git", *identity, "commit", "--quiet", "--allow-empty", "-m", "c"]
    subprocess.run(words, cwd=tmp_path, check=True)
    code = "from common.provenance import commit; print(repr(commit()))"
    assert start(environment, "-c", code, folder=tmp_path) == "''\n"


@pytest.mark.parametrize("program", PROGRAMS)
def test_scripts_use_their_own_clone_whatever_is_installed(
    program, environment, clone, tmp_path
):
    script = clone / f"{program.replace('.', '/')}.py"
    said = start(environment, script, "--help", folder=tmp_path)
    assert squeezed(clone / PROGRAMS[program]) in squeezed(said)


def test_the_documented_filter_leaves_out_tensorflow_alone(clone):
    without = subprocess.run(
        ["grep", "-v", "^tensorflow", clone / "requirements.txt"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "grep -v '^tensorflow' requirements.txt" in (
        clone / "CONTRIBUTING.md"
    ).read_text(encoding="utf-8")
    kept = {Requirement(line).name for line in without.splitlines() if line[0] != "#"}
    every = {Requirement(line).name for line in listed(clone)}
    assert every - kept == {"tensorflow"}


@pytest.fixture
def without_tensorflow(tmp_path):
    """Variables of an environment in which there is no TensorFlow."""
    absent = tmp_path / "absent"
    absent.mkdir()
    (absent / "sitecustomize.py").write_text(ABSENT)
    return {"PYTHONPATH": str(absent)}


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_needs_no_tensorflow(program, environment, without_tensorflow, tmp_path):
    words = ("-m", program, "--help")
    start(environment, *words, folder=tmp_path, **without_tensorflow)


def test_a_backend_that_is_missing_is_named_in_one_line(
    environment, without_tensorflow, tmp_path
):
    variables = without_tensorflow | {"KERAS_BACKEND": "tensorflow"}
    process = subprocess.run(
        [environment[0], "-m", "image_zooms.train"],
        cwd=tmp_path,
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 1
    (line,) = process.stderr.strip().splitlines()
    words = "KERAS_BACKEND is tensorflow, which is not installed; expected tensorflow,"
    assert line.startswith(f"error: {words}")


@pytest.fixture(scope="module")
def drawn(random_layers, tmp_path_factory):
    """Few drawn planes, few drawn cars and a trunk."""
    from datasets.drawn.cars import draw_cars
    from datasets.drawn.planes import draw_planes

    folder = tmp_path_factory.mktemp("drawn")
    draw_planes(folder / "planes", trainval=2, test=1)
    draw_cars(folder / "cars", train=4, test=2)
    keras_3(folder / "trunk.weights.h5", random_layers)
    return folder


@elsewhere_than_on_tensorflow
@pytest.mark.parametrize("detector", ["image_zooms", "pool45_crops"])
def test_detectors_need_no_tensorflow(
    detector, environment, without_tensorflow, drawn, tmp_path
):
    flags = ["--path_vgg", drawn / "trunk.weights.h5", *TOY]
    words = ["-m", f"{detector}.train", "-n", "0", "--path_voc", drawn / "planes"]
    start(environment, *words, *flags, *LEARN, folder=tmp_path, **without_tensorflow)
    words = ["-m", f"{detector}.test", "--path_voc_test", drawn / "planes"]
    start(environment, *words, *flags, folder=tmp_path, **without_tensorflow)
    assert (tmp_path / "testing_visualizations" / "results.json").is_file()


@elsewhere_than_on_tensorflow
def test_glimpses_need_no_tensorflow(environment, without_tensorflow, drawn, tmp_path):
    data = ["--path_data", drawn / "cars"]
    size = ["--image_size", "64", "--bandwidth", "16", "--radius", "8"]
    words = ["-m", "glimpse_rnn.train", "-n", "0", "--epochs", "1", "--glimpses", "2"]
    start(environment, *words, *size, *data, folder=tmp_path, **without_tensorflow)
    words = ["-m", "glimpse_rnn.test"]
    start(environment, *words, *data, folder=tmp_path, **without_tensorflow)
    assert (tmp_path / "testing_visualizations" / "results.json").is_file()
