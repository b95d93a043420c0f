"""A trained detector for Python programs: load a run's folder, search pictures.

    from image_zooms import Detector

    found = Detector.load("models_image_zooms").search("photo.jpg")
    print(found.box, found.score, found.path)

``test.py --images`` runs the same code. Keras is not loaded before a model is. More is
in docs/python.md.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, overload

import numpy as np
from PIL import Image

from common.boxes import Box
from common.devices import start_keras
from common.errors import file_error
from common.pictures import Picture, is_picture, open_pictures
from common.run import CONFIG, compare_with_training, read_config, trained_weights
from common.settings import typed
from datasets.classes import ClassObject
from hierarchy.actions import ActionSet
from hierarchy.checkpoint import Checkpoints
from hierarchy.config import TestSettings
from hierarchy.images import SearchImage

if TYPE_CHECKING:
    from hierarchy.baselines import AgentPolicy
    from hierarchy.evaluation import VisitedRegion
    from hierarchy.features import FeatureExtractor


@dataclass(frozen=True, eq=False)
class SearchResult:
    """What one search of a picture came to.

    Attributes:
        box: (ymin, xmin, ymax, xmax) in pixels of the picture counted from 0, ymax and
            xmax exclusive: the region that the search triggered on, else the one with
            the largest score.
        score: Q-value of the trigger there. It ranks regions by one model, and is no
            probability.
        path: names of the actions that led from the whole picture to the box, and of
            the trigger where it was taken.
        triggered: whether the search ended with the trigger.
        visited: the regions looked at in order, each with its Q-values.
        actions: those that the agent has.
        name: of the picture.
    """

    box: Box
    score: float
    path: tuple[str, ...]
    triggered: bool
    visited: tuple["VisitedRegion", ...] = field(repr=False)
    actions: ActionSet = field(repr=False)
    name: str = field(repr=False)

    @classmethod
    def of(
        cls, visited: Sequence["VisitedRegion"], actions: ActionSet, name: str
    ) -> "SearchResult":
        """Return what a search came to that visited these regions, at least one."""
        *_, last = visited
        best = last
        if not last.triggered:
            best = max(visited, key=lambda one: one.output.score)
        numbers = best.path + (last.output.action,) * last.triggered
        path = tuple(actions.of(number).name for number in numbers)
        box, score = best.region.box, best.output.score
        return cls(box, score, path, last.triggered, tuple(visited), actions, name)

    def draw(self, file: Path | str | None = None, title: str = "") -> Image.Image:
        """Return the search as a strip: a column for each region looked at.

        Args:
            file: where to write it as well: .png, .jpg or .webp.
            title: heading; the picture's name if left out.

        Raises:
            InputError: the file cannot be written, or has another suffix.
        """
        # matplotlib takes a second to load, and most programs draw nothing.
        from hierarchy.strips import frame_of
        from report.canvas import to_image
        from report.searches import search_strip

        frames = [frame_of(one, None) for one in self.visited]
        title = title or Path(self.name).stem
        return to_image(search_strip(frames, self.actions, title), file)


@dataclass(frozen=True, eq=False)
class PictureResult:
    """What a detector found in a picture.

    ``box``, ``score``, ``path`` and ``triggered`` are those of the first search, which
    is the only one unless ``only_first_object`` is 0.

    Attributes:
        name: the picture's path, or ``picture 0`` and so on.
        height: of the picture in pixels.
        width: of the picture in pixels.
        searches: in order; each but the last one ended with a trigger.
    """

    name: str
    height: int
    width: int
    searches: tuple[SearchResult, ...]

    @property
    def box(self) -> Box:
        """See :class:`SearchResult`."""
        return self.searches[0].box

    @property
    def score(self) -> float:
        """See :class:`SearchResult`."""
        return self.searches[0].score

    @property
    def path(self) -> tuple[str, ...]:
        """See :class:`SearchResult`."""
        return self.searches[0].path

    @property
    def triggered(self) -> bool:
        """See :class:`SearchResult`."""
        return self.searches[0].triggered

    @property
    def visited(self) -> list["VisitedRegion"]:
        """The regions looked at in all searches, in order."""
        return [one for search in self.searches for one in search.visited]

    def draw(self, file: Path | str | None = None) -> Image.Image:
        """Return the searches as strips, one below the other.

        Args:
            file: where to write them as well: .png, .jpg or .webp.

        Raises:
            InputError: the file cannot be written, or has another suffix.
        """
        from report.canvas import to_image

        strips = [np.asarray(search.draw()) for search in self.searches]
        width = max(strip.shape[1] for strip in strips)
        # What is beside a strip's drawing is white, up to its edge.
        wide = [
            np.pad(strip, ((0, 0), (0, width - strip.shape[1]), (0, 0)), mode="edge")
            for strip in strips
        ]
        return to_image(np.concatenate(wide), file)


class Detector:
    """A trained agent that searches pictures; :meth:`load` makes one.

    A detector of one's own is a class below this one that says its settings and its
    features; image_zooms/__init__.py is one.

    Args:
        settings: of a test.
        weights: the Q-network's file.
        extract: the detector's features.

    Attributes:
        settings: as given.
        weights: as given.
        extract: as given.
        agent: decides.
        spec: how to search.

    Raises:
        InputError: the model was trained with others, or the file is damaged.
    """

    settings_class: ClassVar[type[TestSettings]]
    """What :meth:`load` makes the settings of."""

    @staticmethod
    def make_features(settings: Any) -> "FeatureExtractor":
        """Return the detector's features by its settings; Keras is loaded."""
        raise NotImplementedError

    def __init__(
        self, settings: TestSettings, weights: Path, extract: "FeatureExtractor"
    ):
        compare_with_training(
            weights,
            settings.identity() | extract.fingerprint,
            may_differ=("class", *settings.search_identity(), *extract.may_differ),
        )
        self.settings, self.weights, self.extract = settings, weights, extract
        self.agent = load_agent(settings, weights, extract)
        self.spec = settings.search_spec(extract.fill_colour)

    @classmethod
    def load(
        cls,
        folder: Path | str,
        epoch: int | None = None,
        class_object: ClassObject = None,
        **settings: Any,
    ) -> Self:
        """Load a trained model, as its ``config.json`` says that it was trained.

        Args:
            folder: that training wrote to, its ``path_model``.
            epoch: which, counted from 0; the newest if left out.
            class_object: number or name of the class; only needed where the folder
                holds models of several.
            **settings: flags of ``test.py``, such as ``number_of_steps=6``,
                ``num_searches=8``, ``only_first_object=0`` or ``skip_bad=1``.

        Raises:
            InputError: a setting cannot be used, or there is no such model.
        """
        if class_object is None:
            class_object = _only_class_in(Path(folder))
        settings |= {"path_model": folder, "class_object": class_object}
        given = typed(cls.settings_class, settings)
        chosen = cls.settings_class.for_model(**given)
        if epoch is not None:
            chosen = replace(chosen, model_name=f"{chosen.model_stem}_epoch_{epoch}")
        chosen.check()
        weights = weights_of(chosen)
        with start_keras(chosen):
            import hierarchy.evaluation  # noqa: F401  with which Keras is loaded
        return cls(chosen, weights, cls.make_features(chosen))

    @overload
    def search(  # type: ignore[overload-overlap]  # a text is iterable too
        self, pictures: Picture, skipped: list[str] | None = None
    ) -> PictureResult: ...

    @overload
    def search(
        self, pictures: Iterable[Picture], skipped: list[str] | None = None
    ) -> Iterator[PictureResult]: ...

    def search(
        self, pictures: Any, skipped: list[str] | None = None
    ) -> PictureResult | Iterator[PictureResult]:
        """Search one picture, or several one after the other.

        Args:
            pictures: a file's path, a Pillow image or a uint8 array (height, width, 3)
                in RGB, 0 to 255; or a list of such, of which ``num_searches`` are
                searched at a time.
            skipped: takes a line for each picture of a list that cannot be used, which
                is then left out.

        Returns:
            Of one picture what was found; of a list an iterator over that, in order,
            which searches as it is asked.

        Raises:
            InputError: a picture cannot be used; one line that says which and why.
        """
        if not is_picture(pictures):
            return self._results(pictures, skipped)
        (result,) = self._results([pictures], None)
        return result

    def _results(
        self, pictures: Iterable[Picture], skipped: list[str] | None
    ) -> Iterator[PictureResult]:
        from hierarchy.evaluation import run_images

        opened = open_pictures(pictures, self.extract.smallest_image, skipped)
        searched = run_images(
            ((name, SearchImage(_identity(pixels), pixels)) for name, pixels in opened),
            self.agent,
            self.spec,
            bool(self.settings.only_first_object),
            self.settings.num_searches,
        )
        for name, visited, _ in searched:
            by_search = groupby(visited, key=lambda one: one.number)
            searches = tuple(
                SearchResult.of(list(regions), self.spec.actions, name)
                for _, regions in by_search
            )
            yield PictureResult(name, *visited[0].image.size, searches)


def weights_of(settings: TestSettings) -> Path:
    """Return the file of the Q-network that settings ask for.

    Raises:
        InputError: it is not there; lists the epochs that are.
    """
    checkpoints = Checkpoints(settings.path_model, settings.class_object)
    command = f"python {settings.detector}/train.py -n 0"
    return trained_weights(settings, checkpoints, command)


def load_agent(
    settings: TestSettings, weights: Path, extract: "FeatureExtractor"
) -> "AgentPolicy":
    """Return a trained agent.

    Args:
        settings: say its actions and its history.
        weights: its Q-network's file.
        extract: the detector's features.

    Raises:
        InputError: the file is damaged, or of another network.
    """
    from hierarchy.augmentation import mirror_of
    from hierarchy.baselines import AgentPolicy
    from hierarchy.encoder import StateEncoder
    from hierarchy.q_network import get_q_network

    num_actions = len(settings.action_set)
    encoder = StateEncoder(extract.size, settings.history_length, num_actions)
    network = get_q_network(encoder.state_size, num_actions, weights)
    mirror = None
    if settings.flip_states:
        mirror = mirror_of(extract, encoder, settings.action_set)
    return AgentPolicy(network, extract, encoder, mirror)


def _only_class_in(folder: Path) -> ClassObject:
    """Return the class of a folder's model; the default where it does not say.

    Raises:
        InputError: there are models of several classes.
    """
    models = read_config(folder).values()
    if len(models) > 1:
        names = ", ".join(sorted(str(one["identity"].get("class")) for one in models))
        raise file_error(
            folder / CONFIG, f"has models of {names}", "class_object to name one"
        )
    classes = [one["settings"].get("class_object") for one in models]
    return classes[0] if classes else None


def _identity(pixels: np.ndarray) -> str:
    """Return what tells pixels from any others, as features are cached under it.

    A name would not do: a file can change while a program runs.
    """
    return f"{pixels.shape} {hashlib.blake2b(pixels.data, digest_size=16).hexdigest()}"
