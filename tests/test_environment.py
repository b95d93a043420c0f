"""The search as a Gymnasium environment: the same search, under Gymnasium's rules."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import RecordEpisodeStatistics, RenderCollection
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from common.errors import InputError
from datasets.voc import VocObject, class_name
from hierarchy.actions import TRIGGER
from hierarchy.environment import SearchEnvironment, make_environment
from hierarchy.images import MEAN_RGB, SearchImage, resize
from hierarchy.quirks import Quirks
from hierarchy.search import SearchSpec, TrainingSearch, training_searches

SMALL = (28, 28)
TRIGGER_ACTION = TRIGGER - 1


@dataclass(frozen=True, eq=False)
class Photo:
    """As much of a VocImage as the environment asks for."""

    key: str
    pixels: np.ndarray
    objects: tuple[VocObject, ...]


class Album(Sequence):
    """A sequence that writes down what was read."""

    def __init__(self, photos: Sequence[Photo]):
        self.photos = photos
        self.read: list[int] = []

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index):
        self.read.append(index)
        return self.photos[index]


def random_objects(
    generator: np.random.Generator, height: int, width: int, count: int
) -> Iterator[VocObject]:
    for _ in range(count):
        ymin, xmin = (int(generator.integers(side - 4)) for side in (height, width))
        ymax = int(generator.integers(ymin + 2, height + 1))
        xmax = int(generator.integers(xmin + 2, width + 1))
        name = class_name(int(generator.integers(1, 3)))
        yield VocObject(name, (ymin, xmin, ymax, xmax), False)


def random_photos(
    generator: np.random.Generator, count: int = 4, size: int | None = None
) -> list[Photo]:
    """Noise with up to four objects of two classes; class 1 occurs at least once."""
    photos = []
    for number in range(count):
        height, width = (size or int(generator.integers(20, 90)) for _ in range(2))
        pixels = generator.integers(0, 256, (height, width, 3), np.uint8)
        many = int(generator.integers(5))
        objects = tuple(random_objects(generator, height, width, many))
        if number == 0:
            objects += (VocObject("aeroplane", (2, 3, height - 1, width // 2), False),)
        photos.append(Photo(f"photo{number}", pixels, objects))
    return photos


def environment(images: Sequence[Photo], **settings) -> SearchEnvironment:
    return SearchEnvironment(images, **{"observation_size": SMALL} | settings)


def searches_of(
    photos: Sequence[Photo], spec: SearchSpec = SearchSpec()
) -> Iterator[tuple[Photo, TrainingSearch]]:
    """The searches that one pass of training would run."""
    for photo in photos:
        picture = SearchImage(photo.key, photo.pixels)
        for search in training_searches(picture, photo.objects, "aeroplane", spec):
            if not search.done:
                yield photo, search


def trace(
    env: gymnasium.Env, steps: int, seed: int, generator: np.random.Generator
) -> list[tuple]:
    """What a random agent meets, with images as bytes, so that it compares."""
    found = []
    observation, info = env.reset(seed=seed)
    for _ in range(steps):
        action = int(generator.integers(6))
        found.append((observation["image"].tobytes(), info, action))
        observation, reward, terminated, truncated, info = env.step(action)
        found.append((observation["history"].tobytes(), info, reward))
        if terminated or truncated:
            observation, info = env.reset()
    return found


def keys_of_resets(env: SearchEnvironment, count: int, **first) -> list[str]:
    return [
        env.reset(**first if not number else {})[1]["image"] for number in range(count)
    ]


@pytest.fixture
def photos() -> list[Photo]:
    return random_photos(np.random.default_rng(7))


@pytest.mark.parametrize("shuffle", [False, True])
def test_gymnasiums_checker_has_nothing_to_say(photos, shuffle):
    # A spec of its own lets the checker try render modes; nothing gets registered.
    spec = EnvSpec("Search-v0", entry_point=lambda **kw: environment(photos, **kw))
    env = gymnasium.make(spec, shuffle=shuffle, render_mode="rgb_array")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)
    assert "Search-v0" not in gymnasium.registry


@pytest.mark.parametrize(
    "spec",
    [
        SearchSpec(),
        SearchSpec(2 / 4, 3),
        SearchSpec(quirks=Quirks.published()),
    ],
)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_episodes_are_the_searches_of_training(spec, seed):
    generator = np.random.default_rng(seed)
    photos = random_photos(generator)
    env = environment(photos, spec=spec)
    two_passes = chain(searches_of(photos, spec), searches_of(photos, spec))
    for photo, search in two_passes:
        assert_same_state(*env.reset(), photo, search)
        while not search.done:
            action = int(generator.choice(6, p=[0.18] * 5 + [0.1]))
            expected = search.step(action + 1)
            observation, reward, terminated, truncated, info = env.step(action)
            assert reward == expected
            assert terminated == search.triggered
            assert truncated == (search.done and not search.triggered)
            assert_same_state(observation, info, photo, search)


def assert_same_state(
    observation: dict, info: dict, photo: Photo, search: TrainingSearch
) -> None:
    assert info == {
        "region": search.region.box,
        "followed": search.target.index,
        "iou": search.target.iou,
        "image": photo.key,
        "path": search.state.path,
        "action_forced": search.trigger_is_forced and not search.done,
    }
    crop = search.image.crop(search.region)
    np.testing.assert_array_equal(observation["image"], resize(crop, *SMALL))
    np.testing.assert_array_equal(observation["history"], search.state.history)


def test_by_default_it_observes_what_vgg_16_sees(photos):
    env = SearchEnvironment(photos)
    observation, _ = env.reset()
    assert observation["image"].shape == (224, 224, 3)
    assert observation["image"].dtype == np.uint8
    assert observation["history"].shape == (24,)
    assert observation["history"].dtype == np.float32
    assert env.action_space == gymnasium.spaces.Discrete(6)


def test_the_trigger_terminates_and_the_last_step_truncates(photos):
    env = environment(photos, spec=SearchSpec(number_of_steps=3))
    env.reset()
    *_, reward, terminated, truncated, _ = env.step(TRIGGER_ACTION)
    assert (terminated, truncated) == (True, False)
    assert isinstance(reward, float)
    assert abs(reward) == 3
    env.reset()
    ends = [env.step(action)[2:4] for action in (0, 1, 4)]
    assert ends == [(False, False), (False, False), (False, True)]
    env.reset()
    ends = [env.step(action)[2:4] for action in (0, 1, TRIGGER_ACTION)]
    assert ends[-1] == (True, False)


def test_a_forced_trigger_is_told_but_not_taken():
    box = (0, 0, 30, 40)
    photo = Photo(
        "a", np.zeros((40, 40, 3), np.uint8), (VocObject("aeroplane", box, False),)
    )
    env = environment([photo])
    _, info = env.reset()
    assert info["iou"] == 0.75
    assert info["action_forced"] is True
    _, reward, terminated, _, info = env.step(3)
    assert (reward, terminated) == (-1, False)
    assert info["action_forced"] is False
    env.reset()
    *_, info = env.step(TRIGGER_ACTION)
    assert info["action_forced"] is False  # nothing is left to do


def test_stepping_after_the_end_or_before_the_start_raises(photos):
    env = environment(photos, render_mode="rgb_array")
    with pytest.raises(ResetNeeded):
        env.step(0)
    with pytest.raises(ResetNeeded):
        env.render()
    env.reset()
    env.step(TRIGGER_ACTION)
    env.render()
    with pytest.raises(ResetNeeded):
        env.step(0)
    env.reset()
    env.step(0)


@pytest.mark.parametrize("action", [-1, 6, 1.0, None, np.int64(6)])
def test_other_actions_raise_and_leave_the_search_as_it_was(photos, action):
    env = environment(photos)
    env.reset()
    with pytest.raises(InvalidAction):
        env.step(action)
    *_, info = env.step(np.int64(2))
    assert info["path"] == (3,)


@pytest.mark.parametrize("shuffle", [False, True])
def test_the_same_seed_gives_the_same_episodes(photos, shuffle):
    def run(env: SearchEnvironment) -> list[tuple]:
        return trace(env, 60, 11, np.random.default_rng(0))

    env = environment(photos, shuffle=shuffle)
    first = run(env)
    assert run(env) == first  # a seed begins anew, wherever the last run stopped
    assert run(environment(photos, shuffle=shuffle)) == first


def one_object_each(count: int) -> list[Photo]:
    objects = (VocObject("aeroplane", (4, 4, 12, 12), False),)
    pixels = np.zeros((20, 20, 3), np.uint8)
    return [Photo(f"photo{number}", pixels, objects) for number in range(count)]


def test_images_come_in_their_own_order_unless_shuffled():
    photos = one_object_each(20)
    names = [photo.key for photo in photos]
    assert keys_of_resets(environment(photos), 40) == names * 2
    env = environment(photos, shuffle=True)
    orders = [keys_of_resets(env, 20, seed=seed) for seed in (1, 2, 1)]
    orders.append(keys_of_resets(env, 20))  # the next pass, without a seed
    assert all(sorted(order) == sorted(names) for order in orders)
    assert orders[0] == orders[2]
    assert len({tuple(order) for order in (names, *orders[1:])}) == 4


@pytest.mark.parametrize("image", [2, np.int64(2), "photo2"])
def test_reset_can_be_sent_to_an_image(image):
    photos = one_object_each(4)
    env = environment(photos)
    there = {"options": {"image": image}}
    assert keys_of_resets(env, 3, **there) == ["photo2", "photo3", "photo0"]
    assert keys_of_resets(env, 2, **there) == ["photo2", "photo3"]
    env = environment(photos, shuffle=True)
    whole = keys_of_resets(env, 4, seed=5)
    at = whole.index("photo2")
    assert keys_of_resets(env, 4 - at, seed=5, **there) == whole[at:]


def test_an_image_that_was_asked_for_must_be_there_and_hold_the_class(photos):
    empty = Photo("empty", photos[0].pixels, ())
    env = environment([*photos, empty])
    for image in (len(photos), "empty"):
        with pytest.raises(InputError, match="no object of class aeroplane"):
            env.reset(options={"image": image})
    for image in (-1, 99, "nowhere"):
        with pytest.raises(InputError, match="there is no image"):
            env.reset(options={"image": image})
    env.reset()


def test_images_are_read_one_at_a_time_and_those_without_the_class_once():
    photos = one_object_each(4)
    other = (VocObject("bicycle", (4, 4, 12, 12), False),)
    photos[1] = Photo("photo1", photos[1].pixels, other)
    album = Album(photos)
    env = environment(album)
    assert album.read == []
    env.reset()
    assert album.read == [0]
    assert env.reset()[1]["image"] == "photo2"
    assert album.read == [0, 1, 2]
    assert keys_of_resets(env, 4) == ["photo3", "photo0", "photo2", "photo3"]
    assert album.read == [0, 1, 2, 3, 0, 2, 3]


def test_without_any_object_of_the_class_there_is_one_clear_line(photos):
    for images in ([], photos):
        env = environment(images, class_object="dog")
        for _ in range(2):
            with pytest.raises(InputError, match="images holds an object of class dog"):
                env.reset()


def test_settings_that_cannot_work_are_refused(photos):
    with pytest.raises(ValueError, match="human"):
        environment(photos, render_mode="human")
    with pytest.raises(ValueError, match="number_of_steps is 0"):
        environment(photos, spec=SearchSpec(number_of_steps=0))
    with pytest.raises(InputError, match="class_object"):
        environment(photos, class_object="")


@pytest.fixture
def two_objects() -> Photo:
    boxes = ((0, 0, 20, 20), (28, 28, 56, 56))
    objects = tuple(VocObject("aeroplane", box, False) for box in boxes)
    return Photo("a", np.full((56, 56, 3), 200, np.uint8), objects)


def test_what_a_search_triggered_on_is_masked_in_the_next(two_objects):
    env = environment([two_objects], observation_size=(56, 56))
    before, info = env.reset()
    assert info["followed"] == 1
    env.step(3)  # a trigger on the whole image would count as finding both
    env.step(TRIGGER_ACTION)
    after, info = env.reset()
    changed = np.any(before["image"] != after["image"], axis=-1)
    assert changed[28:, 28:].all()
    assert changed.sum() == 28 * 28
    assert (after["image"][28:, 28:] == MEAN_RGB).all()
    assert info["followed"] == 0
    env.step(TRIGGER_ACTION)
    fresh, _ = env.reset()  # the image is all the data set has: from the beginning
    np.testing.assert_array_equal(fresh["image"], before["image"])


def test_an_abandoned_search_counts_as_ended_without_a_trigger(two_objects):
    env = environment([two_objects])
    before, _ = env.reset()
    env.step(2)
    after, info = env.reset()
    assert info["followed"] == 0
    assert info["path"] == ()
    np.testing.assert_array_equal(before["image"], after["image"])


def test_what_it_gives_away_may_be_written_to(two_objects):
    env = environment([two_objects], observation_size=(56, 56), render_mode="rgb_array")
    observation, info = env.reset()
    kept = observation["image"].copy()
    observation["image"][:] = observation["history"][:] = 1
    env.render()[:] = 0
    info.clear()
    observation, *_, info = env.step(2)
    assert np.flatnonzero(observation["history"]).tolist() == [2]
    assert info["path"] == (3,)
    observation, _ = env.reset(seed=0)
    np.testing.assert_array_equal(observation["image"], kept)
    assert not observation["history"].any()


def test_a_drawing_shows_the_region_and_the_objects(two_objects):
    other = VocObject("bicycle", (4, 30, 12, 50), False)
    photo = Photo("a", two_objects.pixels[:, :50], (*two_objects.objects, other))
    env = environment([photo], render_mode="rgb_array")
    env.reset()
    env.step(1)
    drawn = env.render()
    assert (drawn.shape, drawn.dtype) == ((56, 50, 3), np.uint8)
    region, plain = drawn[0, 45], [200, 200, 200]
    assert (drawn[0, 13:50] == region).all()  # the region is drawn last
    assert (drawn[41, 13:50] == region).all()
    assert region.tolist() != plain
    truth = drawn[19, 5]
    assert truth.tolist() not in (plain, region.tolist())
    assert (drawn[55, 28:50] == truth).all()
    assert drawn[4, 35].tolist() == drawn[10, 10].tolist() == plain


def test_without_a_render_mode_nothing_is_drawn(photos):
    env = environment(photos)
    env.reset()
    with pytest.warns(UserWarning, match="render_mode"):
        assert env.render() is None


def test_wrappers_and_vectors_take_it(photos):
    env = RecordEpisodeStatistics(environment(photos, render_mode="rgb_array"))
    env = RenderCollection(env)
    env.action_space.seed(3)
    for _ in range(5):
        env.reset()
        rewards, over = [], False
        while not over:
            _, reward, terminated, truncated, info = env.step(env.action_space.sample())
            rewards.append(reward)
            over = terminated or truncated
        assert info["episode"]["r"] == sum(rewards)
        assert info["episode"]["l"] == len(rewards)
        assert len(env.render()) == len(rewards) + 1
    envs = gymnasium.vector.SyncVectorEnv([lambda: environment(photos)] * 2)
    observations, _ = envs.reset(seed=0)
    assert observations["image"].shape == (2, *SMALL, 3)
    for _ in range(12):
        envs.step(envs.action_space.sample())
    envs.close()


@pytest.fixture(scope="module")
def planes(tmp_path_factory) -> Path:
    from datasets.drawn.planes import draw_planes

    folder = tmp_path_factory.mktemp("planes")
    draw_planes(folder, trainval=3, test=1)
    return folder


def of_id(name: str, planes: Path) -> dict:
    """The keywords that an id is made with, of a small set."""
    if name == "Planes":
        return {"path_planes": planes, "trainval": 3, "test": 1}
    return {"path_voc": planes}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Planes", "VOC"])
def test_ids_make_environments_that_gymnasium_finds_nothing_wrong_with(name, planes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gymnasium.make(
            f"hierarchy.environment:VisualSearch/{name}-v0",
            render_mode="rgb_array",
            **of_id(name, planes),
        )
        check_env(env.unwrapped)
        env.reset(seed=0)
        env.step(env.action_space.sample())
        assert env.render().dtype == np.uint8
    assert isinstance(env.unwrapped, SearchEnvironment)
    assert env.unwrapped.search.image.name.startswith(f"{planes.name}/")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_ids_make_vectors_whose_environments_differ_by_their_seeds(mode, planes):
    envs = gymnasium.make_vec(
        "VisualSearch/Planes-v0",
        num_envs=3,
        vectorization_mode=mode,
        observation_size=SMALL,
        render_mode="rgb_array",
        **of_id("Planes", planes),
    )
    alone = gymnasium.make(
        "VisualSearch/VOC-v0", observation_size=SMALL, **of_id("VOC", planes)
    )
    observations, info = envs.reset(seed=5)
    assert observations["image"].shape == (3, *SMALL, 3)
    assert [picture.ndim for picture in envs.render()] == [3] * 3
    for number in range(3):
        observation, own = alone.reset(seed=5 + number)
        assert own["image"] == info["image"][number]
        assert (observation["image"] == observations["image"][number]).all()
    moves = np.array([0, 1, TRIGGER_ACTION])
    _, _, terminated, truncated, _ = envs.step(moves)
    assert terminated.tolist() == [False, False, True]
    assert not truncated.any()
    envs.close()


def test_the_search_is_there_for_wrappers(photos):
    env = environment(photos)
    with pytest.raises(ResetNeeded):
        env.search  # noqa: B018
    _, info = env.reset()
    assert env.search.image.name == info["image"]
    env.step(2)
    assert env.search.state.path == (3,)


def write_database(folder: Path, names: Sequence[str]) -> Path:
    for part in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (folder / part).mkdir(parents=True)
    (folder / "ImageSets/Main/trainval.txt").write_text("\n".join(names))
    for name in names:
        pixels = np.full((30, 40, 3), 90, np.uint8)
        Image.fromarray(pixels).save(folder / f"JPEGImages/{name}.png")
        (folder / f"Annotations/{name}.xml").write_text(
            "<annotation><object><name>bird</name><bndbox><xmin>11</xmin><ymin>6</ymin>"
            "<xmax>30</xmax><ymax>25</ymax></bndbox></object></annotation>"
        )
    return folder


def test_a_voc_database_becomes_an_environment(tmp_path):
    path_voc = write_database(tmp_path / "birds", ["one", "two", "three"])
    env = make_environment(path_voc, class_object="bird", observation_size=SMALL)
    assert env.reset()[1]["image"] == "birds/one"
    _, info = env.reset(options={"image": "birds/three"})
    assert info["iou"] == pytest.approx(20 * 20 / (30 * 40))
    published = SearchSpec(quirks=Quirks(one_based_boxes=True))
    env = make_environment(path_voc, class_object=3, spec=published, shuffle=True)
    assert env.reset()[1]["iou"] == pytest.approx(19 * 19 / (30 * 40))
    with pytest.raises(InputError, match="no image of trainval holds class dog"):
        make_environment(path_voc, class_object="dog")


def test_a_bad_file_raises_or_is_passed_over_as_asked(tmp_path):
    path_voc = write_database(tmp_path / "birds", ["one", "two", "three"])
    (path_voc / "JPEGImages/two.png").write_bytes(b"no image")
    env = make_environment(path_voc, class_object="bird", skip_bad=1)
    assert keys_of_resets(env, 3) == ["birds/one", "birds/three", "birds/one"]
    env = make_environment(path_voc, class_object="bird")
    env.reset()
    with pytest.raises(InputError, match="two.png"):
        env.reset()
    with pytest.raises(ResetNeeded):
        env.step(0)
    assert env.reset()[1]["image"] == "birds/three"
