"""The page that a test writes: what is in the file, whatever goes in."""

import base64
import hashlib
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from common.errors import InputError
from report import page
from report.page import (
    Page,
    Plot,
    RolloutRecord,
    SearchRecord,
    Step,
    Trajectory,
    about_lines,
    is_shown,
    page_data,
    picture_of,
    read_page,
    write_page,
)

NASTY = "</script><script>alert(1)</script> \"'&<b>\u2028 {{x}} <!--data--> $& \\1"
ACTIONS = [("left", "←"), ("right", "→"), ("trigger", "✓")]


def noise(height, width, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), np.uint8)


def search(name="a", outcome="right", picture=None, explored=()):
    steps = (
        Step((), (0, 0, 60, 90), 2, np.array([0.25, 1.5, np.nan], np.float32), 0.4),
        Step((2,), (0, 30, 60, 90), 3, np.array([-1, 0, 2], np.float32), 0.75),
    )
    strip = f"{name}_search_0.png"
    return SearchRecord(
        name, outcome, steps, ((0, 40, 60, 90),), (), explored, picture, strip
    )


def page_of(records, **more):
    return Page("t", {}, records, actions=ACTIONS, trigger=3, **more)


def written(shown, folder):
    write_page(shown, folder / "report.html")
    return (folder / "report.html").read_text("utf-8")


class Elements(HTMLParser):
    """Tags of a page with their attributes, and the text of its scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.scripts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.scripts.append(data)


def test_names_with_markup_stay_text_and_come_back(tmp_path):
    shown = replace(
        page_of([search(NASTY, picture=picture_of(noise(60, 90)))]),
        title=NASTY,
        about={NASTY: NASTY},
        columns=["", NASTY],
        rows=[[NASTY, "1"]],
        plots=[Plot(NASTY, NASTY, NASTY, {NASTY: ([0, 1], [0, 1])})],
    )
    plain = written(replace(shown, title="t", about={}, records=[search()]), tmp_path)
    text = written(shown, tmp_path)
    assert len(Elements(text).tags) == len(Elements(plain).tags)
    data = read_page(tmp_path / "report.html")
    assert data["title"] == data["rows"][0][0] == data["items"][0]["name"] == NASTY
    assert data["plots"][0]["lines"][0]["name"] == NASTY
    assert data == json.loads(json.dumps(page_data(shown)))


def test_names_that_utf_8_lacks_are_written_all_the_same(tmp_path):
    written(page_of([search("a\udcff.png")]), tmp_path)
    assert read_page(tmp_path / "report.html")["items"][0]["name"] == "a?.png"


def test_a_page_reads_no_other_file_and_runs_its_own_script_alone(tmp_path):
    shown = page_of([search(picture=picture_of(noise(60, 90)))])
    elements = Elements(written(shown, tmp_path))
    for tag, attributes in elements.tags:
        assert tag not in ("iframe", "object", "embed", "base", "form")
        for name in ("src", "href", "srcset", "action"):
            assert attributes.get(name, "data:").startswith("data:"), (tag, attributes)
    (policy,) = (
        a["content"] for _, a in elements.tags if "content-security" in str(a).lower()
    )
    digest = hashlib.sha256(elements.scripts[-1].encode()).digest()
    assert f"script-src 'sha256-{base64.b64encode(digest).decode()}'" in policy
    assert policy.startswith("default-src 'none'") and "connect-src" not in policy
    style = re.search("<style>(.*?)</style>", written(shown, tmp_path), re.S)[1]
    assert "url(" not in style and "@import" not in style


def test_the_same_data_give_the_same_bytes(tmp_path):
    pages = [
        written(page_of([search(picture=picture_of(noise(600, 900)))]), tmp_path)
        for _ in range(2)
    ]
    assert pages[0] == pages[1]


def test_a_picture_is_what_it_was_but_smaller():
    y, x = np.mgrid[0:600, 0:900]
    pixels = np.stack([y // 4, x // 4, 0 * x + 90], axis=-1).astype(np.uint8)
    picture = picture_of(pixels)
    assert (picture.height, picture.width) == (600, 900)
    prefix, _, data = picture.source.partition(",")
    assert prefix == "data:image/webp;base64"
    stored = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))
    assert stored.shape == (320, 480, 3)
    expected = np.asarray(Image.fromarray(pixels).resize((480, 320)))
    assert np.abs(stored.astype(int) - expected).mean() < 3


def test_noise_too_stays_below_its_bytes():
    source = picture_of(noise(800, 800)).source
    assert len(base64.b64decode(source.partition(",")[2])) <= page.PICTURE_BYTES


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (5, 7)])
def test_pictures_of_any_shape_are_taken(size):
    picture = picture_of(noise(*size))
    assert (picture.height, picture.width) == size


def explored_regions():
    q_values = np.random.default_rng(0).normal(size=6)
    box = (100, 100, 400, 400)
    return tuple(Step((1, 2, 3), box, 1, q_values, 0.123456) for _ in range(156))


def test_fifty_images_of_noise_all_explored_stay_below_5_mb(tmp_path):
    one = picture_of(noise(500, 500))
    explored = explored_regions()
    pictures = [replace(one) for _ in range(50)]  # each takes room of its own
    records = [search(picture=p, explored=explored) for p in pictures]
    text = written(page_of(records), tmp_path)
    assert len(text.encode()) < 5_000_000
    data = read_page(tmp_path / "report.html")
    assert len(data["images"]) == 50
    assert all(len(item["explored"]) == 156 for item in data["items"])


def test_what_finds_no_room_stays_in_the_table(monkeypatch):
    pictures = [picture_of(noise(60, 90, seed)) for seed in range(4)]
    records = [search(str(n), picture=p) for n, p in enumerate(pictures)]
    one = len(pictures[0].source) + len(json.dumps(records[0].shown()))
    monkeypatch.setattr(page, "BUDGET", int(2.5 * one))
    data = page_data(page_of(records))
    assert [item["name"] for item in data["items"]] == ["0", "1", "2", "3"]
    assert [item.get("image") for item in data["items"]] == [0, 1, None, None]
    assert "steps" not in data["items"][3] and len(data["images"]) == 2
    assert data["items"][3]["values"] == [0.75, 2, 2]


def test_searches_of_one_image_share_its_picture():
    picture = picture_of(noise(60, 90))
    data = page_data(page_of([search(picture=picture), search(picture=picture)]))
    assert [item["image"] for item in data["items"]] == [0, 0]
    assert len(data["images"]) == 1


@pytest.mark.parametrize("total", [0, 1, 50, 119, 120, 121, 4952])
def test_pictures_are_taken_evenly_out_of_all(total):
    chosen = [index for index in range(total) if is_shown(index, total)]
    assert len(chosen) <= page.GALLERY
    assert len(chosen) == total or len(chosen) > page.GALLERY / 2
    assert len(set(np.diff(chosen))) <= 1


def test_numbers_that_json_lacks_become_null():
    (item,) = page_data(page_of([search(picture=picture_of(noise(6, 9)))]))["items"]
    assert item["steps"][0]["q"] == [0.25, 1.5, None]


def test_a_long_curve_keeps_its_ends():
    xs = np.linspace(0, 0.7, 10_000)
    curve = Plot("t", "x", "y", {"a": (xs, xs**2), "none": ([], [])})
    one, none = page_data(page_of([], plots=[curve]))["plots"][0]["lines"]
    assert len(one["x"]) == page.POINTS and none["x"] == []
    assert (one["x"][0], one["x"][-1]) == (0, 0.7)
    assert np.allclose(np.square(one["x"]), one["y"], atol=1e-4)


def test_places_of_glimpses_become_shares_of_the_picture():
    at = np.array([[-1.0, 1.0], [0.0, -0.5]])
    record = RolloutRecord(
        "a", "right", Trajectory(at, at, np.array([0.5, 0.02])), np.array([0.0, 0.0])
    )
    shown = record.shown()
    assert shown["own"]["locations"] == [[0, 1], [0.5, 0.25]]
    assert shown["truth"] == [0.5, 0.5] and record.values(0) == [0.02]


@pytest.mark.parametrize(
    "text",
    ["", "<html></html>", '<script type="application/json" id="data">{</script>'],
)
def test_a_file_that_is_no_page_is_named(text, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(text)
    with pytest.raises(InputError, match="report.html: holds no data of a page"):
        read_page(path)


def test_what_a_page_was_made_with_names_no_folder_of_the_machine():
    results = {
        "data": "3 images (test of /home/me/planes)",
        "images": 3,
        "weights": {"file": "model0.weights.h5", "sha256": "0"},
        "quirks": [],
        "seed": 0,
        "made_with": {"commit": "", "machine": "2 cores"},
    }
    assert about_lines(results) == {
        "data": "3 images (test of planes)",
        "images": "3",
        "weights": "model0.weights.h5",
        "seed": "0",
        "machine": "2 cores",
    }
    assert about_lines({}) == {}


def luminance(colour):
    """Return the relative luminance of WCAG 2, from #rrggbb."""
    values = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(
        values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4
    )
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(one, other):
    lighter, darker = sorted([luminance(one), luminance(other)], reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_lines_stand_out_from_their_ground(scheme):
    style = (page.WEB / "page.css").read_text("utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", style, re.S)
    block = light if scheme == "light" else dark
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
    for ground in ("paper", "raised"):
        for text in ("text", "muted", "accent", "right", "wrong", "none", "detection"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        for number in range(6):
            assert contrast(colours[f"series{number}"], colours[ground]) >= 3
    assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
    for bar in ("bar", "bar-taken"):
        assert contrast(colours["text"], colours[bar]) >= 4.5
