"""Exploring: what is asked beside the agent's way, and what the page makes of it."""

import numpy as np
import pytest

from hierarchy import explore as exploring
from hierarchy.actions import PAPER_ACTIONS, TRIGGER, Action, ActionSet, zoom_to
from hierarchy.agent import ActionOutput
from hierarchy.evaluation import run_policy
from hierarchy.explore import explore
from hierarchy.images import SearchImage
from hierarchy.page import SearchPage
from hierarchy.search import Search, SearchSpec
from report.page import GALLERY, read_page

IMAGE = SearchImage("a", np.random.default_rng(0).integers(0, 256, (80, 120, 3), "u1"))


class Telling:
    """Q-values that tell the region and the history that they are asked about."""

    def __init__(self):
        self.batches = []

    def decide(self, searches):
        self.batches.append(len(searches))
        return [self._output(search) for search in searches]

    @staticmethod
    def _output(search):
        history, actions = search.state.history, len(search.spec.actions)
        seen = [*search.region.box, *history, search.image.pixels.sum()]
        values = np.sin(np.outer(np.arange(1, actions + 1), seen)).sum(axis=1)
        return ActionOutput(int(values.argmax()) + 1, values, float(values[-1]))


def test_all_regions_to_three_movements_are_asked_about_once():
    found = list(explore(IMAGE, Telling(), SearchSpec()))
    paths = [one.path for one in found]
    moves = PAPER_ACTIONS.moves
    assert len(paths) == len(set(paths)) == 1 + 5 + 25 + 125
    assert set(paths) >= {(), *((a, b, c) for a in moves for b in moves for c in moves)}
    assert paths == sorted(paths, key=len)


def test_each_has_the_region_and_the_history_of_its_way():
    spec, policy = SearchSpec(), Telling()
    for one in explore(IMAGE, policy, spec):
        search = Search(IMAGE, spec)
        for action in one.path:
            search.step(action)
        (output,) = policy.decide([search])
        assert one.region == search.region
        assert (one.output.q_values == output.q_values).all()
        assert one.triggered == (output.action == TRIGGER)


def test_few_are_asked_about_at_a_time():
    policy = Telling()
    list(explore(IMAGE, policy, SearchSpec()))
    assert max(policy.batches) == exploring.BATCH < 125


@pytest.mark.parametrize(("steps", "regions"), [(1, 1), (2, 6), (3, 31), (4, 156)])
def test_no_region_lies_beyond_the_last_step(steps, regions):
    assert len(list(explore(IMAGE, Telling(), SearchSpec(3 / 4, steps)))) == regions


def test_other_actions_are_explored_and_named_on_the_page(tmp_path):
    up, down = zoom_to(0, 1 / 2), zoom_to(1, 1 / 2)
    moves = Action("up", "↑", up), Action("down", "↓", down)
    actions = ActionSet(Action("stop", "✓"), *moves)
    spec, policy = SearchSpec(actions=actions), Telling()
    page = SearchPage(spec, policy, 1, explored=1)
    visited = list(run_policy(IMAGE, policy, spec))
    page.add("a", visited, ((0, 0, 40, 120),))
    page.write(tmp_path, {"detector": "d", "class": "c"})
    data = read_page(tmp_path / "report.html")
    assert data["trigger"] == 1
    assert [action["glyph"] for action in data["actions"]] == ["✓", "↑", "↓"]
    (item,) = data["items"]
    assert len(item["explored"]) == 1 + 2 + 4 + 8
    last = visited[-1].output.q_values[0]
    assert item["values"][2] == pytest.approx(last, rel=1e-5)


class Always:
    """Does the same everywhere."""

    def __init__(self, *actions):
        self.actions = actions

    def decide(self, searches):
        chosen = [self.actions[search.steps_taken] for search in searches]
        return [ActionOutput(action, np.zeros(6)) for action in chosen]


@pytest.mark.parametrize(
    ("actions", "boxes", "outcome"),
    [
        ((1, TRIGGER), ((0, 0, 60, 90),), "right"),
        ((1, TRIGGER), ((60, 90, 80, 120),), "wrong"),
        ((1, 1), ((0, 0, 60, 90),), "none"),
        ((1, TRIGGER), None, "detection"),
    ],
)
def test_searches_are_judged_by_where_they_end(actions, boxes, outcome, tmp_path):
    spec, policy = SearchSpec(3 / 4, 2), Always(*actions)
    page = SearchPage(spec, policy, 1)
    page.add("a", list(run_policy(IMAGE, policy, spec)), boxes)
    page.write(tmp_path, {"detector": "d", "class": "c"})
    (item,) = read_page(tmp_path / "report.html")["items"]
    assert item["outcome"] == outcome
    assert [step["action"] for step in item["steps"]] == list(actions)
    assert item["steps"][1]["box"] == [0, 0, 60, 90]
    assert ("iou" in item["steps"][1]) == (boxes is not None)


def test_further_searches_say_what_was_masked_and_are_not_explored(tmp_path):
    spec, policy = SearchSpec(3 / 4, 2), Always(1, TRIGGER)
    page = SearchPage(spec, policy, 1, explored=1)
    visited = list(run_policy(IMAGE, policy, spec, only_first_object=False))
    page.add("a", visited, None)
    page.write(tmp_path, {"detector": "d", "class": "c"})
    data = read_page(tmp_path / "report.html")
    first, second, *_ = data["items"]
    assert len(data["items"]) == 10 and len(data["images"]) == 1
    assert (first["name"], second["name"]) == ("a", "a, search 2")
    assert (first["masked"], second["masked"]) == ([], [[0, 0, 60, 90]])
    assert (len(first["explored"]), second["explored"]) == (6, [])


def test_a_long_test_is_shown_in_part_and_listed_in_whole(tmp_path):
    spec, policy = SearchSpec(3 / 4, 2), Always(1, TRIGGER)
    total = 2 * GALLERY
    page = SearchPage(spec, policy, total)
    for number in range(total):
        page.add(str(number), list(run_policy(IMAGE, policy, spec)), None)
    page.write(tmp_path, {"detector": "d", "class": "c"})
    items = read_page(tmp_path / "report.html")["items"]
    assert [item["name"] for item in items] == [str(n) for n in range(total)]
    assert ["image" in item for item in items[:4]] == [True, False, True, False]
