"""Figures: files of runs in, pictures and their numbers out, mistakes named."""

import csv
import json
import os
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import figures
from common.errors import InputError
from common.files import REPOSITORY
from figures import published
from figures.detectors import Baselines, search_baselines
from figures.figure import Figure, Made, Runs
from figures.runs import read_all
from figures.scenes import read_scenes
from figures.table import FIGURES, draw
from hierarchy.evaluation import Evaluator
from hierarchy.metrics import Detection, GroundTruth
from hierarchy.quirks import Quirks
from report.curves import Line, draw_lines

ROOT = Path(__file__).parents[1]
SHARED_DATA = Path(os.environ.get("SHARED_DATA", ROOT.parent / "shared" / "data"))
VOC2007 = SHARED_DATA / "voc2007_aeroplane_annotations"


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def assert_drawn(path):
    pixels = np.asarray(Image.open(path).convert("RGB"))
    assert min(pixels.shape[:2]) > 150
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20  # not a blank sheet


def made(figure, folder, **settings):
    """Draw a figure into a folder and return the rows of its CSV file."""
    draw(figure, out=folder, **settings)
    assert_drawn(folder / f"{figure}.png")
    return rows(folder / f"{figure}.csv")


FOUND = [True, False, True, True]


def tally(found):
    """A test's tally: in each image one object, hit by its rank's region or not."""
    result = Evaluator()
    for image, hit in enumerate(found):
        result.truths.append(GroundTruth(((0, 0, 10, 10),), (False,)))
        box = (0, 0, 10, 10) if hit else (50, 50, 60, 60)
        result.regions.append(Detection(image, box, float(-image)))
        result.found_after.append((1 + image % 3) * hit)
    return result


def detector_results(folder, found=FOUND, **changes):
    """Write what a detector's test writes, through the code that writes it."""
    numbers = tally(found).results()
    values = {
        "detector": "image_zooms",
        "class": "aeroplane",
        "weights": {"file": "model0_epoch_49.weights.h5"},
        "images": len(found),
        "objects": len(found),
        **dict.fromkeys(("agent", "random", "upper_bound"), numbers),
        **changes,
    }
    folder.mkdir(exist_ok=True)
    (folder / "results.json").write_text(json.dumps(values))
    return folder


@pytest.mark.slow
def test_both_detectors_stand_in_one_plot(tmp_path):
    one = detector_results(tmp_path / "one", FOUND)
    other = detector_results(tmp_path / "other", FOUND[::-1], detector="pool45_crops")
    table = made("detectors_fig6", tmp_path, runs=(one, other / "results.json"))
    names = ["image_zooms", "pool45_crops", "random", "upper bound"]
    assert list(dict.fromkeys(row["curve"] for row in table)) == names
    ours = [row for row in table if row["curve"] == "image_zooms"]
    assert [float(row["recall"]) for row in ours] == [0.25, 0.25, 0.5, 0.75]
    assert [float(row["precision"]) for row in ours] == pytest.approx(
        [1, 1 / 2, 2 / 3, 3 / 4], abs=1e-5
    )
    assert {row["source"] for row in table} == {"here"}  # four images: not the paper's


@pytest.mark.slow
def test_the_paper_stands_beside_tests_of_its_protocol_alone(tmp_path):
    found = [index % 3 == 0 for index in range(204)]
    paper = detector_results(tmp_path / "paper", found)
    other = detector_results(tmp_path / "other", found, **{"class": "cat"})
    points = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3]
    for figure, curve in (
        ("detectors_fig6", "image_zooms"),
        ("detectors_fig7", "epoch 50"),
    ):
        for folder, expected in ((paper, points), (other, [])):
            thin = [
                float(row["recall"])
                for row in made(figure, tmp_path, runs=(folder,))
                if row["source"] == published.DETECTORS and row["curve"] == curve
            ]
            assert thin == expected


@pytest.mark.slow
def test_epochs_are_sorted_and_counted_from_one(tmp_path):
    folders = []
    for epoch in (49, 4, 34):
        weights = {"file": f"model0_epoch_{epoch}.weights.h5"}
        folders.append(detector_results(tmp_path / f"e{epoch}", weights=weights))
    table = made("detectors_fig7", tmp_path, runs=tuple(folders))
    names = [row["curve"] for row in table]
    assert list(dict.fromkeys(names)) == ["epoch 5", "epoch 35", "epoch 50"]


@pytest.mark.slow
def test_regions_until_found_are_those_of_the_tests(tmp_path):
    folder = detector_results(tmp_path / "run", [True] * 204)
    counts = {}
    for row in made("detectors_fig8", tmp_path, runs=(folder, folder)):
        counts.setdefault(row["run"], []).append(int(row["found"]))
    assert counts == {
        "image_zooms": [68, 68, 68],
        "image_zooms (1)": [68, 68, 68],
        "paper": [67, 25, 20, 8, 5, 3, 4, 0, 2],
    }


def test_tests_of_other_images_do_not_stand_in_one_plot(tmp_path):
    one = detector_results(tmp_path / "one", FOUND)
    other = detector_results(tmp_path / "other", FOUND + [True])
    for number in (6, 7, 8):
        with pytest.raises(InputError, match="images is 5; expected 4 as in"):
            draw(f"detectors_fig{number}", runs=(one, other), out=tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        ("{", "is not readable as JSON"),
        ("[1]", "is no JSON object"),
    ],
)
def test_files_that_are_no_results(tmp_path, content, message):
    if content is not None:
        (tmp_path / "results.json").write_text(content)
    for figure in ("detectors_fig6", "glimpses_table1", "glimpses_fig7"):
        with pytest.raises(InputError, match=message):
            draw(figure, runs=(tmp_path,), out=tmp_path)


FROM_RUNS = [name for name in FIGURES if hasattr(FIGURES[name].settings(), "runs")]


@pytest.mark.parametrize("figure", FROM_RUNS)
def test_without_runs_a_figure_says_what_it_wants(figure):
    with pytest.raises(InputError, match="runs: none was named; expected"):
        draw(figure)


def test_the_table_holds_every_figure_of_the_papers():
    names = {f"detectors_fig{n}" for n in range(5, 9)} | {"glimpses_table1"}
    names |= {f"glimpses_fig{n}" for n in range(2, 9)}
    assert names == {name for name, figure in FIGURES.items() if figure.paper}
    assert len(FROM_RUNS) == 15
    for figure in FIGURES.values():
        assert figure.columns and len(figure.about) > 20
        assert hasattr(figure.settings(), "out")


@pytest.mark.slow
@pytest.mark.skipif(not VOC2007.is_dir(), reason="no real data at hand")
def test_baselines_of_voc_2007(tmp_path, capsys):
    """Upper bounds as an independent program has them; random as computed exactly."""
    table = made("detectors_fig5", tmp_path, path_voc=VOC2007, seeds=3)
    said = capsys.readouterr().out
    assert "upper bound 3/4: found 158.0 of 204, recall 0.775, AP 0.775" in said
    assert "upper bound 2/4: found 93.0 of 204, recall 0.456, AP 0.456" in said
    best = {}
    for row in table:
        if row["source"] == "here":
            best[row["curve"]] = float(row["recall"])
    assert best["random 3/4"] == pytest.approx(70.0 / 204, abs=0.06)
    assert best["random 2/4"] == pytest.approx(53.1 / 204, abs=0.04)
    assert sum(row["source"] == published.DETECTORS for row in table) == 16


def program(*words):
    command = [sys.executable, "-m", "figures", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.slow
def test_the_program_lists_all_figures_and_draws_one(tmp_path):
    listed = dict(line.split(maxsplit=1) for line in program().stdout.splitlines()[2:])
    assert listed == {name: figure.about for name, figure in FIGURES.items()}
    folder = detector_results(tmp_path / "run", FOUND)
    done = program("detectors_fig6", "--runs", folder, "--out", tmp_path)
    assert done.stdout == f"{tmp_path / 'detectors_fig6.png'}\n", done.stderr
    assert "image_zooms" in (tmp_path / "detectors_fig6.csv").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("glimpses_table1",), "error: runs: none was named"),
        (("fig6",), "error: there is no figure fig6; expected ceilings, "),
    ],
)
def test_mistakes_are_one_line(words, message):
    process = program(*words)
    assert process.returncode == 1
    assert process.stderr.startswith(message) and process.stderr.count("\n") == 1


@pytest.mark.slow
def test_the_table_needs_no_keras():
    code = "import sys, figures.table; sys.exit('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


RATES = {"0.02": 1, "0.04": 10.5, "0.06": 20, "0.08": 30, "0.10": 40}


def glimpse_results(folder, **changes):
    folder.mkdir(exist_ok=True)
    for name in ("a", "b", "c"):
        pixels = np.full((40, 60, 3), ord(name), np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    cases = [
        {
            "image": f"{name}.png",
            "prediction": [10, 20],
            "truth": [11.5, 22],
            "trajectory": [[5, 5], [20, 30]],
            "distance": distance,
        }
        for name, distance in (("a", 0.2), ("b", 0.01), ("c", 0.4))
    ]
    values = {"detection_rate": RATES, "cases": cases, **changes}
    (folder / "results.json").write_text(json.dumps(values))
    return folder


def test_numbers_of_all_tests_stand_in_one_table(tmp_path):
    made_with = {"commit": "abc", "machine": "2 cores", "command": "python test.py"}
    trunk = {"name": "VGG-16", "fingerprint": 4 * "0123456789abcdef"}
    one = detector_results(
        tmp_path / "zooms", FOUND, seed=3, trunk=trunk, made_with=made_with
    )
    numbers = {"detection_rate": RATES, "median_delta": 0.5, "mean_delta": 0.25}
    named = {
        "mean_policy": numbers,
        "sampled": numbers,
        "controls": {"centre": numbers},
        "seconds_per_image": 0.125,
    }
    two = glimpse_results(
        tmp_path / "cars", images=7, seed=0, weights={"file": "m.h5"}, **named
    )
    draw("collect", runs=(one, two), out=tmp_path)
    rows = list(csv.DictReader((tmp_path / "results.csv").open()))
    assert len(rows) == 3 * 5 + 1 + 3 * 7 + 1
    first, last = rows[0], rows[-1]
    assert first["run"] == "zooms" and first["who"] == "agent"
    expected = json.loads((one / "results.json").read_text())["agent"]["paper"]["ap"]
    assert float(first["value"]) == pytest.approx(expected)
    assert (first["seed"], first["commit"]) == ("3", "abc")
    assert first["trunk"] == "VGG-16 (0123456789ab)"
    assert [last[name] for name in ("run", "who", "measure", "value", "images")] == [
        "cars",
        "mean policy",
        "seconds per image",
        "0.125",
        "7",
    ]
    assert [rows[-2][name] for name in ("who", "measure", "value")] == [
        "centre",
        "mean delta",
        "0.25",
    ]


def seeds(tmp_path, found_by_name, **changes):
    """Collect tests over seeds, the number of each at the end of its name."""
    runs = [
        detector_results(
            tmp_path / name,
            found,
            seed=int(name[-1]) if "_seed_" in name else 0,
            **changes,
        )
        for name, found in found_by_name.items()
    ]
    draw("collect_means", runs=tuple(runs), out=tmp_path)
    return rows(tmp_path / "results_means.csv")


def test_runs_named_alike_but_for_the_seed_have_a_mean_and_a_deviation(tmp_path):
    one, two, three = (
        [True] * 4,
        [True, False, True, False],
        [False] * 3 + [True],
    )
    table = seeds(
        tmp_path, {"a": one, "a_seed_1": two, "a_seed_2": three, "b": one, "c": two}
    )
    assert {row["run"] for row in table} == {"a"}
    recall = next(row for row in table if row["measure"] == "recall (paper)")
    assert recall["seeds"] == "0 1 2" and recall["images"] == "4"
    # Recalls are 1, 1/2 and 1/4: mean 7/12, squares off it 25, 1 and 16 of 144ths.
    assert float(recall["mean"]) == pytest.approx(7 / 12, abs=1e-5)
    assert float(recall["deviation"]) == pytest.approx((21 / 144) ** 0.5, abs=1e-5)


def test_one_seed_twice_is_no_second_seed(tmp_path):
    with pytest.raises(InputError, match=r"a: seeds are \[0, 0\]"):
        one, other = tmp_path / "one", tmp_path / "other"
        one.mkdir(), other.mkdir()
        runs = [detector_results(one / "a", FOUND, seed=0)]
        runs += [detector_results(other / "a", FOUND, seed=0)]
        draw("collect_means", runs=tuple(runs), out=tmp_path)
    assert not list(tmp_path.glob("*.csv"))


def test_seeds_are_of_the_same_images(tmp_path):
    with pytest.raises(InputError, match="a: images is 4 and 2; expected the same"):
        seeds(tmp_path, {"a": FOUND, "a_seed_1": FOUND[:2]})


def test_a_trunk_that_is_none_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=r"results.json: trunk is 'VGG-16'; expected"):
        seeds(tmp_path, {"a": FOUND}, trunk="VGG-16")


@pytest.mark.slow
def test_table_1_has_ours_the_controls_and_the_papers(tmp_path):
    controls = {"random_glimpses": {"detection_rate": RATES | {"0.10": 33}}}
    (tmp_path / "best").mkdir()
    folder = glimpse_results(tmp_path / "best" / "results", controls=controls)
    table = made("glimpses_table1", tmp_path, runs=(folder,))
    table = {row.pop("method"): row for row in table}
    ours = table["best, glimpses"]
    assert [float(ours[key]) for key in RATES] == list(RATES.values())
    assert float(table["best, random glimpses"]["0.10"]) == 33
    paper = table["paper, glimpses"]
    assert [float(paper[key]) for key in RATES] == [10, 30, 48, 63, 73]
    assert len(table) == 2 + len(published.DETECTION_RATES)


@pytest.mark.slow
def test_table_1_takes_rates_of_earlier_tests(tmp_path):
    (tmp_path / "best").mkdir()
    folder = glimpse_results(tmp_path / "best" / "results")
    earlier = REPOSITORY / "results" / "glimpse_rnn.csv"
    chosen = {"runs": (folder,), "tables": (earlier,)}
    strongest = "door_handles_strongest"
    table = made("glimpses_table1", tmp_path, named=(strongest,), **chosen)
    table = {row.pop("method"): row for row in table}
    found = {
        row["measure"].removeprefix("% within "): float(row["value"])
        for row in rows(earlier)
        if row["run"] == strongest and row["who"] == "sampled"
    }
    written = table["door handles strongest, sampled"]
    assert [float(written[key]) for key in RATES] == [found[key] for key in RATES]
    assert "door handles paper model, sampled" not in table
    with pytest.raises(InputError, match=r"\.csv: holds no run best; expected"):
        draw("glimpses_table1", named=("best",), **chosen)


@pytest.mark.parametrize(
    ("figure", "order"),
    [
        ("glimpses_fig2", ["b.png", "c.png"]),  # from the best to the worst
        ("glimpses_fig7", ["b.png", "a.png"]),
        ("glimpses_fig8", ["c.png", "a.png"]),
    ],
)
def test_cases_are_the_best_or_the_worst(tmp_path, figure, order):
    folder = glimpse_results(tmp_path / "run")
    table = made(figure, tmp_path, runs=(folder,), count=2)
    assert list(dict.fromkeys(row["image"] for row in table)) == order
    truth = next(row for row in table if row["what"] == "truth")
    assert (float(truth["row"]), float(truth["column"])) == (11.5, 22)


AP = "precision_recall"
CASE = {"image": "a.png", "trajectory": [], "prediction": [1, "x"]}


@pytest.mark.parametrize(
    ("figure", "changes", "message"),
    [
        ("detectors_fig6", {"agent": {}}, "there is no agent.precision_recall"),
        ("detectors_fig6", {"agent": []}, "there is no agent.precision_recall"),
        (
            "detectors_fig6",
            {"agent": {AP: {"recall": ["a"], "precision": [1]}}},
            "agent.precision_recall.recall holds more than numbers",
        ),
        (
            "detectors_fig6",
            {"agent": {AP: {"recall": [1], "precision": []}}},
            "1 recalls, 0 precisions; expected as many",
        ),
        (
            "detectors_fig7",
            {"weights": {"file": "model0.weights.h5"}},
            "weights.file is 'model0.weights.h5', which names no epoch",
        ),
        (
            "detectors_fig8",
            {"agent": {"regions_per_object_histogram": 3}},
            "regions_per_object_histogram is a int; expected a list",
        ),
        (
            "glimpses_table1",
            {"detection_rate": {"0.02": 1}},
            "there is no detection_rate.0.04",
        ),
        (
            "glimpses_table1",
            {"detection_rate": RATES | {"0.06": 120}},
            "detection_rate.0.06 is 120; expected 0 to 100",
        ),
        (
            "glimpses_table1",
            {"detection_rate": RATES | {"0.06": "x"}},
            "detection_rate.0.06 is a str; expected a int or fl",
        ),
        (
            "glimpses_fig7",
            {"cases": [{"image": "a.png"}]},
            r"cases\[0\]: there is no trajectory",
        ),
        (
            "glimpses_fig7",
            {"cases": [{"trajectory": [[1]]}]},
            "trajectory is no list of points",
        ),
        (
            "glimpses_fig7",
            {"cases": [CASE]},
            r"prediction is \[1, 'x'\]; expected a \(row, column\) pair",
        ),
    ],
)
def test_bad_results_are_named_by_file_and_field(tmp_path, figure, changes, message):
    write = detector_results if figure.startswith("detectors") else glimpse_results
    folder = write(tmp_path / "run", **changes)
    with pytest.raises(InputError, match=message) as error:
        draw(figure, runs=(folder,), out=tmp_path / "out")
    assert str(folder / "results.json") in str(error.value)
    assert not (tmp_path / "out").exists()


def write_study(path, variants, study=None, prefix="rate_"):
    """As studies.glimpses writes it, where a study is named."""
    heading = ["study"] * (study is not None) + ["arm", "seed"]
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(heading + [prefix + key for key in RATES])
        for variant, seed, rates in variants:
            writer.writerow([study] * (study is not None) + [variant, seed, *rates])
    return path


@pytest.mark.slow
def test_studies_are_means_over_seeds(tmp_path):
    variants = [
        ("l1", 0, [1, 2, 3, 4, 5]),
        ("l1", 1, [3, 4, 5, 6, 7]),
        ("l2", 0, [0, 0, 1, 1, 2]),
    ]
    (tmp_path / "objective").mkdir()
    write_study(tmp_path / "objective" / "objective.csv", variants)
    other = tmp_path / "other.csv"
    write_study(other, variants[2:], study="reward", prefix="")
    runs = (tmp_path, other)
    table = made("glimpses_fig3", tmp_path / "out", runs=runs)
    l1 = [row for row in table if row["arm"] == "l1"]
    assert [float(row["rate"]) for row in l1] == [2, 3, 4, 5, 6]
    assert {row["seeds"] for row in l1} == {"2"}
    assert [float(row["deviation"]) for row in l1] == pytest.approx([2**0.5] * 5, 1e-5)
    assert [row["study"] for row in table] == ["objective"] * 10 + ["reward"] * 5
    for figure in ("glimpses_fig4", "glimpses_fig5"):
        with pytest.raises(InputError, match="runs: no study"):
            draw(figure, runs=runs, out=tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; expected a heading"),
        ("name,0.02\nl1,1\n", "there is no column arm"),
        ("arm,0.02\nl1,1\n", "there is no column 0.04"),
        ("arm,0.02,0.04,0.06,0.08,0.10\nl1,1,2,x,4,5\n", "line 2, 0.06: 'x'"),
        ("arm,0.02,0.04,0.06,0.08,0.10\nl1,1,2,,4,5\n", "line 2, 0.06: None"),
    ],
)
def test_bad_studies_are_named_by_line_and_column(tmp_path, text, message):
    (tmp_path / "resolution.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        draw("glimpses_fig5", runs=(tmp_path,), out=tmp_path)


@pytest.mark.slow
def test_learning_curves_skip_epochs_without_a_number(tmp_path):
    for name in ("seed0", "seed1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "log.csv").write_text("epoch,loss\n0,\n1,0.5\n2,0.25\n")
    folders = (tmp_path / "seed0", tmp_path / "seed1")
    table = made("glimpses_fig6", tmp_path, runs=folders)
    assert [row["run"] for row in table] == ["seed0"] * 2 + ["seed1"] * 2
    assert [row["loss"] for row in table] == ["0.5", "0.25"] * 2
    with pytest.raises(InputError, match="there is no column reward"):
        draw("glimpses_fig6", runs=folders, columns=("reward",), out=tmp_path)


def test_published_numbers_hang_together():
    """The curves' ends are the images that the paper found; areas fit the points."""
    found = {n: published.images_found(c) for n, c in published.CURVES.items()}
    assert set(published.curves_of(figure=6)) == {"image_zooms", "pool45_crops"}
    assert found["upper bound 3/4"] == 98 and found["upper bound 2/4"] == 54
    assert found["random 3/4"] == 32 and found["random 2/4"] == 18
    for curve in published.CURVES.values():
        recall, precision = np.array(curve.points).T
        assert (np.diff(recall) > 0).all() and recall[-1] <= curve.max_recall + 0.005
        assert ((precision >= 0) & (precision <= 1)).all()
        inside = (np.diff(recall) * (precision[1:] + precision[:-1]) / 2).sum()
        assert inside <= curve.area + 0.01
    for name, rates in published.DETECTION_RATES.items():
        assert len(rates) == 5 and list(rates) == sorted(rates), name


@pytest.mark.slow
@pytest.mark.skipif(not VOC2007.is_dir(), reason="no real data at hand")
def test_triggers_of_the_published_search_find_as_few_as_the_papers_random():
    """The paper's random agents found 32 and 18 of 204 images."""
    settings = Baselines(
        path_voc=VOC2007,
        quirks=("published",),
        only_first_object=0,
        detections="triggers",
        seeds=6,
    )
    scenes, _ = read_scenes(VOC2007, "test", "aeroplane", Quirks.published())
    for scale, paper in ((3 / 4, 32), (2 / 4, 18)):
        curves = search_baselines(scenes, scale, settings)
        found = [curve.is_true_positive.sum() for curve in curves["random"]]
        assert abs(np.mean(found) - paper) < 2 * np.std(found, ddof=1)
        assert (
            curves["upper bound"][0].is_true_positive.sum() > 1.5 * paper
        )  # its upper bound stays unexplained


@pytest.mark.slow
def test_the_example_of_how_to_add_a_figure_works(tmp_path):
    example = textwrap.dedent(figures.__doc__.split("::\n\n")[1].split("\n\nThe")[0])
    table = dict(FIGURES)
    names = {"Made": Made, "Runs": Runs, "Figure": Figure, "FIGURES": table}
    names |= {"read_all": read_all, "Line": Line, "draw_lines": draw_lines}
    exec(example, names | {"partial": partial})
    folder = detector_results(tmp_path / "run", FOUND)
    figure = table["recall_by_run"]
    figure.write("recall_by_run", figure.settings((folder, folder), tmp_path))
    assert_drawn(tmp_path / "recall_by_run.png")
    table = rows(tmp_path / "recall_by_run.csv")
    assert [row["recall"] for row in table] == ["0.75", "0.75"]
    assert figure.about == "Recall of each test, from results.json"
