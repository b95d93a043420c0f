"""``make paper`` to its end, on archives of VOC's shape that a local server has."""

import csv
import io
import json
import tarfile
from pathlib import Path

import pytest
from local_server import expect_archives, serving

from common.errors import InputError
from common.progress import duration
from datasets.drawn.planes import draw_planes
from studies import forecast, paper
from studies.paper import Settings

pytestmark = pytest.mark.slow


def archive_of(folder: Path, year: str, image_sets: list[str]) -> bytes:
    """Pack a part of a drawn set as VOC's archives are packed."""
    lists = folder / "ImageSets" / "Main"
    names = {
        line.split()[0]
        for image_set in image_sets
        for line in (lists / f"{image_set}.txt").read_text().splitlines()
    }
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for path in sorted(folder.rglob("*")):
            is_list = path.parent == lists and path.stem.split("_")[-1] in image_sets
            if is_list or (path.stem in names and path.is_file()):
                inside = path.relative_to(folder).as_posix()
                archive.add(path, f"VOCdevkit/VOC{year}/{inside}")
    return file.getvalue()


@pytest.fixture(scope="module")
def archives(tmp_path_factory) -> dict[str, bytes]:
    folders = {}
    for year in ("2007", "2012"):
        folders[year] = tmp_path_factory.mktemp(year)
        draw_planes(folders[year], trainval=2, test=2, seed=int(year))
    return {
        "VOCtrainval_06-Nov-2007.tar": archive_of(folders["2007"], "2007", TRAINVAL),
        "VOCtest_06-Nov-2007.tar": archive_of(folders["2007"], "2007", ["test"]),
        "VOCtrainval_11-May-2012.tar": archive_of(folders["2012"], "2012", TRAINVAL),
    }


TRAINVAL = ["trainval", "train", "val"]


@pytest.fixture
def site(archives, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(archives) as site:
        expect_archives(monkeypatch, archives, site.address, ("voc2007", "voc2012"))
        yield site


def study(folder: Path, **changes) -> Settings:
    settings = {
        "folder": folder / "paper",
        "data": folder / "data",
        "detectors": ("image_zooms",),
        "epochs": 2,
        "fast_epochs": 1,
        "forecast_seconds": 0.2,
    }
    return Settings(**(settings | changes))


def test_the_paper_from_nothing_to_its_figures(site, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(paper, "PAPER_EPOCHS", (1, 2))
    settings = study(tmp_path)
    called, stops = [], iter([True])
    call = paper._call

    def stopped_once_in_the_long_training(words):
        called.append(words)
        if words[0].endswith("train") and "paper" in words and next(stops, False):
            words[words.index("--epochs") + 1] = "1"
            call(words)
            raise KeyboardInterrupt
        call(words)

    monkeypatch.setattr(paper, "_call", stopped_once_in_the_long_training)
    with pytest.raises(KeyboardInterrupt):
        paper.main(settings)
    said = capfd.readouterr().out
    assert "VOC2007: unpacking" in said and "VOC2012: unpacking" in said
    assert "image_zooms_paper: 2 epochs of 4 images" in said
    assert "trainings in all at most" in said and "GB of disk for their weights" in said
    assert [words[0] for words in called] == [
        *("image_zooms.train", "image_zooms.test", "image_zooms.train")
    ]

    called.clear()
    paper.main(settings)
    said = capfd.readouterr().out
    assert "image_zooms_fast: trained already" in said
    assert "model0_epoch_0: tested already" in said
    assert "image_zooms_paper: 1 epochs of 4 images" in said
    assert ["-n", "1"] == called[0][1:3]  # goes on where it was stopped
    figures = tmp_path / "paper" / "figures"
    for name in ("detectors_fig5", "paper/detectors_fig6", "paper/detectors_fig7"):
        assert (figures / f"{name}.png").stat().st_size > 10_000
    for name in ("fast/detectors_fig6", "fast/detectors_fig8", "paper/detectors_fig8"):
        assert (figures / f"{name}.png").is_file()
    with open(figures / "paper" / "detectors_fig7.csv") as file:
        assert len({row["curve"] for row in csv.DictReader(file)}) >= 2
    results = tmp_path / "paper" / "image_zooms_paper" / "epoch_2" / "results.json"
    tested = json.loads(results.read_text())
    assert tested["images"] == 2 and tested["settings"]["preset"] == "paper"
    assert len(site.asked) == 3  # each archive once


def test_a_forecast_alone_trains_nothing(site, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(paper, "_call", lambda words: pytest.fail(str(words)))
    paper.main(study(tmp_path, only_forecast=True, presets=("fast",)))
    assert "image_zooms_fast: 1 epochs of 4 images" in capfd.readouterr().out
    assert not (tmp_path / "paper" / "image_zooms_fast").exists()


def test_too_little_disk_is_said_before_anything_is_trained(
    site, tmp_path, monkeypatch
):
    monkeypatch.setattr(paper, "EPOCH_BYTES", 10**18)
    monkeypatch.setattr(paper, "_call", lambda words: pytest.fail(str(words)))
    with pytest.raises(InputError, match="GB are free; expected"):
        paper.main(study(tmp_path))


def test_a_folder_is_of_one_study(tmp_path):
    folder = study(tmp_path).folder
    folder.mkdir()
    paper.compare_with_before(study(tmp_path))
    paper.compare_with_before(study(tmp_path, epochs=9))
    with pytest.raises(InputError, match="study.json: max_images was 0, now it is 3"):
        paper.compare_with_before(study(tmp_path, max_images=3))
    (folder / "study.json").write_text("[")
    with pytest.raises(InputError, match="study.json: is damaged"):
        paper.compare_with_before(study(tmp_path))


def test_damaged_results_are_made_again(tmp_path):
    assert paper._tested(tmp_path) == ""
    (tmp_path / "results.json").write_text("{")
    assert paper._tested(tmp_path) == ""


def test_no_network_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(InputError, match="cannot be reached") as caught:
        paper.main(study(tmp_path, mirror="http://127.0.0.1:9"))
    assert "\n" not in str(caught.value)


def test_a_program_that_fails_is_named(tmp_path):
    with pytest.raises(InputError, match="image_zooms.test ended with status 1"):
        paper._call(["image_zooms.test", "--path_model", str(tmp_path)])


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(5, "5 seconds"), (119, "119 seconds"), (150, "2 minutes"), (90_000, "25 hours")],
)
def test_times_in_words(seconds, words):
    assert duration(seconds) == words


def test_a_forecast_multiplies():
    measured = forecast.Forecast(steps_per_image=8.0, seconds_per_step=0.25)
    assert measured.seconds(images=100, epochs=3) == 600
