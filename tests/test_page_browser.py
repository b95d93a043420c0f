"""The page of a test in a real browser: it loads, plays, filters and explores."""

import base64
import io
import re

import numpy as np
import pytest
from browser import opened, started_browser
from keras import ops
from PIL import Image
from squares import Brightness

from glimpse_rnn.evaluation import trace
from glimpse_rnn.model import GlimpseRegressor
from glimpse_rnn.page import RolloutPage, first_glimpses, plots_of, trajectory_of
from hierarchy.baselines import AgentPolicy
from hierarchy.encoder import StateEncoder
from hierarchy.evaluation import run_policy
from hierarchy.images import SearchImage
from hierarchy.page import SearchPage
from hierarchy.q_network import get_q_network
from hierarchy.search import SearchSpec
from report.page import Plot, read_page

pytestmark = pytest.mark.slow

CANVAS = "document.querySelector('.panel canvas').toDataURL()"
NASTY = "<img src=x onerror=alert(1)> \"'&</script>.jpg"
SIDE = 96
PLACES = {1: (0, 0), 2: (0, 1), 3: (1, 0), 4: (1, 1), 5: (1 / 2, 1 / 2)}
"""Where the paper's movements lead, by number: from the top and from the left."""


@pytest.fixture(scope="module")
def browser():
    with started_browser() as started:
        yield started


class Searches:
    """Searches of a few images by a Q-network that has learnt nothing."""

    def __init__(self, folder):
        self.spec, extract = SearchSpec(number_of_steps=4), Brightness()
        encoder = StateEncoder(extract.size)
        self.network = get_q_network(encoder.state_size, 6)
        rng = np.random.default_rng(33)  # some trigger at once, others never do
        shapes = [weight.shape for weight in self.network.get_weights()]
        weights = [rng.normal(0, 2 / shape[0] ** 0.5, shape) for shape in shapes]
        self.network.set_weights(weights)
        agent = AgentPolicy(self.network, extract, encoder)
        page = SearchPage(self.spec, agent, 8, explored=2, has_strips=True)
        self.pixels = rng.integers(0, 256, (8, SIDE, SIDE, 3), np.uint8)
        self.pixels //= rng.integers(1, 9, (8, 1, 1, 1), np.uint8)
        self.names = [NASTY, *(f"image {number}" for number in range(1, 8))]
        for index, name in enumerate(self.names):
            pixels = self.pixels[index]
            visited = list(run_policy(SearchImage(name, pixels), agent, self.spec))
            page.add(name, visited, ((0, 0, 20 + 10 * index, 80),))
        table = ["", "AP"], [["agent", "0.500"], [NASTY, "0.1"]]
        recall = np.linspace(0, 0.6, 4000)
        lines = {"agent": (recall, 1 - recall), "chance": ([0, 0.3], [0.25, 0.125])}
        plots = [Plot("Precision and recall", "recall", "precision", lines)]
        page.write(folder, {"detector": "toy", "class": NASTY}, table, plots)
        self.path = folder / "report.html"
        self.data = read_page(self.path)

    def q_values(self, image, path):
        """Return Q-values of a region as nothing but NumPy computes them."""
        y = x = 0.0
        size = float(SIDE)
        history = np.zeros((4, 6))
        for step, action in enumerate(path):
            down, right = PLACES[action]
            y, x = y + size / 4 * down, x + size / 4 * right
            size *= 3 / 4
            history[step, action - 1] = 1
        crop = self.pixels[image, int(y) : int(y + size), int(x) : int(x + size)]
        values = np.concatenate([self._brightness(crop), history.ravel()])
        *hidden, (kernel, bias) = self._layers()
        for weights, offsets in hidden:
            values = np.maximum(values @ weights + offsets, 0)
        return values @ kernel + bias

    def _layers(self):
        weights = iter(self.network.get_weights())
        return list(zip(weights, weights, strict=True))

    @staticmethod
    def _brightness(crop):
        """Mean brightness of 3×3 parts, bilinear in floats instead of whole numbers."""

        def enlarging(side):
            at = np.clip((np.arange(96) + 0.5) * side / 96 - 0.5, 0, side - 1)
            low = np.floor(at).astype(int)
            high, share = np.minimum(low + 1, side - 1), at - low
            weights = np.zeros((96, side))
            weights[np.arange(96), low] += 1 - share
            weights[np.arange(96), high] += share
            return weights

        rows, columns = map(enlarging, crop.shape[:2])
        large = rows @ crop.mean(axis=2) @ columns.T
        return large.reshape(3, 32, 3, 32).mean(axis=(1, 3)).ravel() / 255


@pytest.fixture(scope="module")
def searches(tmp_path_factory):
    return Searches(tmp_path_factory.mktemp("searches"))


class Rollouts:
    """Rollouts on a few images by a model that has learnt nothing."""

    def __init__(self, folder):
        self.model = GlimpseRegressor(image_size=32, bandwidth=8, radius=4, glimpses=4)
        rng = np.random.default_rng(0)
        self.images = rng.integers(0, 256, (6, 32, 32, 3), np.uint8)
        targets = np.full((6, 4), 0.1)
        targets[:, :2] = rng.uniform(-0.9, 0.9, (6, 2))
        outputs = trace(self.model, self.images)
        page = RolloutPage(self.model, explored=1)
        for index, image in enumerate(self.images):
            picture = np.repeat(image, 2, axis=1)  # twice as wide as high
            own = trajectory_of(outputs, index, targets[index])
            page.add(f"image {index}", own, targets[index], image, picture)
        rates = {"detection_rate": {"0.10": 50.0}}
        by_glimpses = [{"glimpses": n, **rates} for n in range(1, 5)]
        curves = {"mean policy": {"distance": [0, 0.1, 0.2], "rate": [0, 40, 100]}}
        plots = plots_of(curves, by_glimpses)
        page.write(folder, {"task": "toy"}, plots=plots)
        self.path = folder / "report.html"
        self.data = read_page(self.path)


@pytest.fixture(scope="module")
def rollouts(tmp_path_factory):
    return Rollouts(tmp_path_factory.mktemp("rollouts"))


def number(text):
    return float(text.replace("−", "-"))


def q_values_shown(page):
    bars = page.tab.locator(".bars .bar").all()
    return [float(bar.get_attribute("title")) for bar in bars]


def choose(page, name):
    page.tab.locator(".card", has_text=name).first.click()
    assert page.text("#player-title") == name


@pytest.mark.parametrize("what", ["searches", "rollouts"])
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (400, True), (320, False)])
def test_it_loads_without_complaint_and_fits_the_width(
    what, width, dark, browser, request
):
    with opened(browser, request.getfixturevalue(what).path, width, 900, dark) as page:
        assert page.count(".card") == page.count("#list tbody tr") > 4
        widths = "[document.documentElement.scrollWidth, innerWidth]"
        wanted, there = page.tab.evaluate(widths)
        assert wanted <= there
        assert page.tab.evaluate("[...document.images].every(i => i.naturalWidth > 0)")


def test_names_with_markup_are_shown_as_text(searches, browser):
    with opened(browser, searches.path) as page:
        assert page.text("h1") == f"toy: {NASTY}"
        choose(page, NASTY)
        assert NASTY in page.texts("#table tbody th")
        assert page.count("img[src=x]") == 0


def test_a_search_plays_to_its_end(searches, browser):
    (item,) = (i for i in searches.data["items"] if i["name"] == "image 3")
    steps = item["steps"]
    assert len(steps) > 1
    with opened(browser, searches.path) as page:
        choose(page, "image 3")
        first = page.tab.evaluate(CANVAS)
        assert page.count("#steps button") == len(steps)
        assert page.count("#steps li:first-child [aria-current]") == 1
        page.tab.click("#play")
        assert page.text("#play") == "Pause"
        page.tab.wait_for_selector("#steps li:last-child [aria-current]")
        assert page.text("#play") == "Play"
        assert page.tab.evaluate(CANVAS) != first
        last = page.tab.locator("#stage .picture svg > g:last-child rect").last
        ymin, xmin, ymax, xmax = steps[-1]["box"]
        drawn = [float(last.get_attribute(k)) for k in ("y", "x", "height", "width")]
        assert drawn == [ymin, xmin, ymax - ymin, xmax - xmin]
        assert q_values_shown(page) == pytest.approx(steps[-1]["q"])


def test_what_the_network_saw_is_the_region(searches, browser):
    """Mean colours of the canvas are those of the region's pixels."""
    index = 3
    item = next(i for i in searches.data["items"] if i["name"] == f"image {index}")
    with opened(browser, searches.path) as page:
        choose(page, item["name"])
        for place, step in enumerate(item["steps"]):
            page.tab.locator("#steps button").nth(place).click()
            data = base64.b64decode(page.tab.evaluate(CANVAS).partition(",")[2])
            canvas = Image.open(io.BytesIO(data)).convert("RGB")
            shown = np.asarray(canvas).mean(axis=(0, 1))
            ymin, xmin, ymax, xmax = step["box"]
            region = searches.pixels[index, ymin:ymax, xmin:xmax]
            assert np.abs(shown - region.mean(axis=(0, 1))).max() < 4


def test_arrow_keys_step_and_space_plays(searches, browser):
    item = next(i for i in searches.data["items"] if i["name"] == "image 3")
    with opened(browser, searches.path) as page:
        choose(page, "image 3")
        page.tab.keyboard.press("ArrowRight")
        assert page.count("#steps li:nth-child(2) [aria-current]") == 1
        page.tab.keyboard.press("ArrowLeft")
        assert page.count("#steps li:nth-child(1) [aria-current]") == 1
        page.tab.keyboard.press("End")
        last = f"#steps li:nth-child({len(item['steps'])}) [aria-current]"
        assert page.count(last) == 1
        page.tab.keyboard.press("Space")
        assert page.text("#play") == "Pause"


def test_searches_are_filtered_by_outcome_and_sorted(searches, browser):
    items = searches.data["items"]
    outcomes = {
        outcome["key"]: outcome["words"] for outcome in searches.data["outcomes"]
    }
    assert outcomes.keys() == {"right", "wrong", "none"}
    with opened(browser, searches.path) as page:
        page.tab.click("#all summary")
        for key, words in outcomes.items():
            page.tab.check(f"input[value={key}]")
            wanted = [item for item in items if item["outcome"] == key]
            wanted.sort(key=lambda item: item["values"][0])
            names = [item["name"] for item in wanted]
            assert page.texts(".card .name") == names
            assert page.texts("#list tbody th") == names
            assert all(words in text for text in page.texts("#list .outcome"))
            assert page.text("#player-title") in names
        page.tab.check("input[value='']")
        assert page.count(".card") == len(items)
        page.tab.select_option("#sort", label="IoU, largest first")
        ious = [item["values"][0] for item in items]
        by_name = dict(zip(searches.names, ious, strict=True))
        shown = [by_name[name] for name in page.texts(".card .name")]
        assert shown == sorted(ious, reverse=True)
        page.tab.select_option("#sort", label="outcome")
        keys = {item["name"]: item["outcome"] for item in items}
        shown = [keys[name] for name in page.texts(".card .name")]
        assert shown == sorted(shown, key=list(outcomes).index)
        page.tab.fill("#search", "IMAGE 5")
        assert page.texts(".card .name") == ["image 5"]


@pytest.mark.parametrize("image", [0, 1])
def test_another_zoom_shows_what_the_agent_would_have_thought(image, searches, browser):
    """Against a forward pass in NumPy; the resizing differs, by a grey level."""
    item = searches.data["items"][image]
    taken = item["steps"][0]["action"]
    other = next(action for action in (2, 4, 1) if action != taken)
    with opened(browser, searches.path) as page:
        choose(page, item["name"])
        expected = searches.q_values(image, ())
        assert q_values_shown(page) == pytest.approx(expected, abs=0.02)
        path = []
        for action in (other, 5, 3):
            page.tab.click(f".bars [data-action='{action}']")
            path.append(action)
            expected = searches.q_values(image, tuple(path))
            assert np.ptp(expected) > 0.1
            assert q_values_shown(page) == pytest.approx(expected, abs=0.02)
        # A fourth zoom was not computed, and ending the search needs no more.
        assert page.count(".bars button:disabled") >= 4
        page.tab.click(".bars [data-action='6']")
        assert "You choose ✓ trigger" in page.text("#caption")
        page.tab.click("#reset")
        assert page.count("#steps .yours") == 0
        expected = searches.q_values(image, ())
        assert q_values_shown(page) == pytest.approx(expected, abs=0.02)


def test_only_explored_images_offer_other_zooms(searches, browser):
    with opened(browser, searches.path) as page:
        choose(page, "image 4")
        assert page.count(".bars button") == 0
        choose(page, "image 1")
        assert page.count(".bars button") == 6


def test_curves_say_the_values_under_the_pointer(searches, browser):
    with opened(browser, searches.path) as page:
        plot = page.tab.locator(".plot svg").first
        box = plot.bounding_box()
        plot.scroll_into_view_if_needed()
        plot.hover(position={"x": box["width"] / 3, "y": 100})
        (words,) = re.findall(r"at recall ([\d.]+)", page.text(".legend"))
        agent, chance = page.texts(".legend output")
        assert 0 < float(words) < 0.3
        assert float(agent) == pytest.approx(1 - float(words), abs=0.01)
        assert chance in ("0.25", "–")
        page.tab.mouse.move(0, 0)
        assert page.texts(".legend output") == ["", ""]
        plot.focus()
        for _ in range(40):
            page.tab.keyboard.press("ArrowRight")
        assert page.texts(".legend output") == ["0.40", "–"]


def test_rollouts_play_the_worst_first(rollouts, browser):
    items = rollouts.data["items"]
    order = sorted(items, key=lambda item: -item["values"][0])
    with opened(browser, rollouts.path) as page:
        assert page.texts(".card .name") == [item["name"] for item in order]
        assert page.text("#player-title") == order[0]["name"]
        page.tab.click("#play")
        page.tab.wait_for_selector("#steps li:nth-child(4) [aria-current]")
        spots = page.tab.locator("#stage .picture svg .spot").evaluate_all(
            "all => all.map(one => [one.cy.baseVal.value, one.cx.baseVal.value])"
        )
        spots = [spot for spot in spots if spot]
        drawn = np.divide(spots, (32, 64))[:4]
        assert drawn == pytest.approx(np.array(order[0]["own"]["locations"]), abs=1e-3)
        shown = [number(text.split()[-1]) for text in page.texts(".bars .bar")]
        assert shown == pytest.approx(order[0]["own"]["distances"], abs=1e-3)


def test_the_first_glimpse_can_be_dragged(rollouts, browser):
    """To where the model, run from there, says the keypoint is."""
    with opened(browser, rollouts.path) as page:
        choose(page, "image 0")
        picture = page.tab.locator("#stage .picture")
        picture.scroll_into_view_if_needed()
        frame = picture.bounding_box()
        page.tab.hover(".handle")
        page.tab.mouse.down()
        wanted = np.array([0.3, 0.8])  # row and column
        page.tab.mouse.move(
            frame["x"] + wanted[1] * frame["width"],
            frame["y"] + wanted[0] * frame["height"],
            steps=5,
        )
        page.tab.mouse.up()
        first = first_glimpses()
        nearest = np.abs((first + 1) / 2 - wanted).sum(axis=1).argmin()
        noise = np.zeros((1, 4, 2), np.float32)
        noise[0, 0] = first[nearest]
        outputs = rollouts.model((rollouts.images[:1], noise))
        truth = np.array(rollouts.data["items"][0]["truth"]) * 2 - 1
        predictions = ops.convert_to_numpy(outputs["predictions"])[0]
        expected = np.linalg.norm((predictions - truth) * 0.1, axis=1)
        shown = [number(text.split()[-1]) for text in page.texts(".bars .bar")]
        assert shown == pytest.approx(expected, abs=2e-3)
        own = rollouts.data["items"][0]["own"]["distances"]
        assert shown != pytest.approx(own, abs=2e-3)
        page.tab.click("#reset")
        shown = [number(text.split()[-1]) for text in page.texts(".bars .bar")]
        assert shown == pytest.approx(own, abs=2e-3)
