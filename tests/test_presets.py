"""Presets: what their texts say, and the flags that they stand for."""

import ast
import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest
from test_documents import check_command, lines_of

import glimpse_rnn.presets
import hierarchy.presets
from common.command_line import parse
from common.errors import InputError
from common.files import write_json
from common.settings import to_json
from glimpse_rnn import config as glimpses
from image_zooms import config as image_zooms
from pool45_crops import config as pool45_crops
from studies.glimpses import OWN_STUDIES, STUDIES, Settings, variants_of

ROOT = Path(__file__).parents[1]
MODULES = {"detectors": hierarchy.presets, "glimpses": glimpse_rnn.presets}
ALL = [(kind, name) for kind, module in MODULES.items() for name in module.PRESETS]
FAMILIES = (image_zooms, pool45_crops, glimpses)


def about(module, name):
    """Return the text below a preset in its module."""
    body = ast.parse(Path(module.__file__).read_text("utf-8")).body
    for statement, following in zip(body, body[1:], strict=False):
        if isinstance(statement, ast.AnnAssign) and statement.target.id == name.upper():
            return following.value.value
    raise AssertionError(f"{module.__name__}.{name.upper()}")


def plain(settings):
    """Return settings without the preset's name."""
    return to_json(settings) | {"preset": ""}


def program(module):
    return import_module(f"{module.__name__.partition('.')[0]}.train").TrainSettings


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_a_preset_opens_with_its_command_its_time_and_what_to_expect(kind, name):
    first, empty, second, *rest = about(MODULES[kind], name).splitlines()
    command = re.fullmatch("``(.*)``", first)[1]
    assert f"--preset {name}" in command and not empty
    check_command(shlex.split(command))
    assert re.search(r"\d+ (minutes|hours)", second)
    assert len(rest) >= 1


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_presets_are_those_that_the_flag_takes_and_the_paper_is_the_default(family):
    choices = parse(family.TrainSettings, []).PRESETS
    for name in choices:
        settings = parse(family.TrainSettings, ["--preset", name])
        settings.check()
        assert settings.preset == name
        assert settings == family.TrainSettings.of_preset(name)
    assert family.TrainSettings.of_preset("paper") == family.TrainSettings()


# What `make demo` trained with before there was a preset of that name, and tested with.
DETECTOR_DEMO = "--preset fast --epochs 1 --decay_epochs 1 --epsilon 0.5"
GLIMPSE_DEMO = (
    "--epochs 60 --keep_best 1 --image_size 128 --bandwidth 30 --radius 15 --cell gru"
    " --pooling none --prediction_offset 1 --batch_size 32 --decay 0.9 --decay_steps 45"
)


@pytest.mark.parametrize(
    ("family", "flags"),
    [
        (image_zooms, DETECTOR_DEMO),
        (pool45_crops, DETECTOR_DEMO),
        (glimpses, GLIMPSE_DEMO),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_demo_is_what_it_was_with_flags(family, flags, tmp_path):
    demo = parse(family.TrainSettings, ["--preset", "demo"])
    assert plain(demo) == plain(parse(family.TrainSettings, flags.split()))
    config = {"settings": to_json(demo), "identity": {}, "end": 1}
    write_json(tmp_path / "config.json", {demo.model_stem: config})
    place = ["--path_model", str(tmp_path)]
    tested = parse(family.TestSettings, place)
    assert tested.preset == "demo"
    if family is glimpses:
        assert tested.architecture() == demo.architecture()
    else:
        assert plain(tested) == plain(
            parse(family.TestSettings, [*place, "--preset", "fast"])
        )


def measured_with(path_model):
    """Return the words of a training in RESULTS.md, from its -n on."""
    text = (ROOT / "RESULTS.md").read_text("utf-8")
    section = text.split("## Door handles")[1]
    block = re.search(r"^```\n(.*?)^```", section, re.DOTALL | re.MULTILINE)[1]
    (words,) = (
        line.split()
        for line in lines_of(block)
        if "train.py" in line and f"--path_model {path_model} " in f"{line} "
    )
    return words[words.index("-n") :]


def test_strongest_is_what_the_results_were_measured_with():
    words = measured_with("vgg")
    here = ["--path_data", "door_handles", "--path_model", "vgg"]
    strongest = parse(glimpses.TrainSettings, ["--preset", "strongest", *here])
    assert plain(strongest) == plain(parse(glimpses.TrainSettings, words))


def test_fast_is_the_study_s_best_variant_for_longer():
    text = (ROOT / "RESULTS.md").read_text("utf-8")
    options = re.search(r"--study options .*?--test_flags", text, re.DOTALL)[0]
    flags = dict(re.findall(r"(\w+)=(\S+)", options)) | {"epochs": "45"}
    flags |= OWN_STUDIES["options"]["predicted"] | {"decay_steps": "60"}
    flags |= {"convolution_dtype": "float32"}
    words = [f"--{name}={value}" for name, value in flags.items()]
    fast = ["--preset", "fast", "--path_data", "door_handles"]
    assert plain(parse(glimpses.TrainSettings, fast)) == plain(
        parse(glimpses.TrainSettings, words)
    )


# What `make results-small` trained before there was a budget for it.
SMALL = (
    "epochs=12 batch_size=16 path_data=drawn/cars max_images=240 image_size=128"
    " bandwidth=30 radius=15 cell=gru pooling=none prediction_offset=1 decay=0.9"
    " decay_steps=20"
)


@pytest.mark.parametrize("study", STUDIES)
def test_the_small_studies_are_what_they_were_with_flags(study, tmp_path):
    settings = Settings(
        study,
        budget="demo",
        flags=("path_data=drawn/cars",),
        path_studies=tmp_path,
    )
    own = {**STUDIES, **OWN_STUDIES}[study]
    for variant in variants_of(settings):
        words = variant.next_command()[3:]
        before = dict(flag.split("=") for flag in SMALL.split()) | own[variant.name]
        before |= {"n": "0", "seed": "0", "path_model": str(variant.models)}
        flags = [f"--{name}={value}" for name, value in before.items()]
        trained = parse(glimpses.TrainSettings, words)
        assert plain(trained) == plain(parse(glimpses.TrainSettings, flags))


def test_sizes_left_open_are_the_task_s_also_where_a_preset_is_named():
    words = ["--preset", "paper", "--task", "mnist_centroid"]
    digits = parse(glimpses.TrainSettings, words)
    assert (digits.image_size, digits.bandwidth, digits.radius) == (60, 12, 6)
    digits.check()


def test_presets_for_photographs_are_refused_for_digits():
    words = ["--preset", "fast", "--task", "mnist_centroid"]
    with pytest.raises(InputError, match="^preset is fast; expected paper for task"):
        parse(glimpses.TrainSettings, words).check()
