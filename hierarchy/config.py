"""Settings that both detectors share, under their published names.

A detector's ``config.py`` adds its own and says where its models go. Every field is a
flag of the same name; the text below it is the flag's help.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any, ClassVar, Literal

from common.files import REPOSITORY
from common.run import RunSettings, folder_of, read_config, remembered, stem_of
from common.settings import PresetSettings, expect
from datasets.classes import ClassObject, class_id, class_name, model_stem
from hierarchy import presets
from hierarchy.actions import ACTION_SETS, ActionSet
from hierarchy.history import HISTORY_LENGTH
from hierarchy.quirks import Quirks
from hierarchy.rewards import REWARDS
from hierarchy.schedules import get_epsilon, get_learning_rate
from hierarchy.search import SearchSpec

Switch = Literal[0, 1]

VOC2007 = REPOSITORY / "VOC2007"
VOC2012 = REPOSITORY / "VOC2012"


@dataclass(frozen=True)
class SharedSettings(PresetSettings):
    """What training and testing have in common."""

    PRESETS = presets.PRESETS
    detector: ClassVar[str] = ""
    """What the detector is called."""

    preset: Literal["paper", "fast", "demo"] = "paper"
    """Where settings start from: as published, what learns in minutes from a few
    hundred images, or what make demo runs (hierarchy/presets.py); further flags
    override it."""
    class_object: ClassObject = None
    """Class to search for: its name in the annotations, capitals aside, or 1
    (aeroplane) … 20 (tvmonitor) in VOC order. Left out it is 1, but training takes the
    only class of a set that has one, and a test that of the folder's only model."""
    scale_subregion: float = 3 / 4
    """Height and width of a subregion over its parent's; the paper also tries 2/4."""
    number_of_steps: int = 10
    """Actions that one search may take."""
    actions: str = "paper"
    """What the agent can do: a name in the table of hierarchy/actions.py."""
    history_length: int = HISTORY_LENGTH
    """Last actions that the state holds; the paper's are 4."""
    bool_draw: Switch = 0
    """1 draws each search as a strip into path_testing_folder."""
    path_testing_folder: Path = REPOSITORY / "testing_visualizations"
    """Where drawings and results go."""
    flip_states: Switch = 0
    """1 mirrors half of the states that are learnt from, without looking at an image
    again; a test takes the mean of a state's Q-values and its mirrored one's."""
    num_searches: int = 1
    """Images that are searched at a time, in batches; more keep a GPU busy."""
    on_device: Switch = 0
    """1 keeps images, descriptors and replay memory on the device that Keras computes
    on: for a GPU with memory for them."""
    quirks: tuple[str, ...] = ()
    """Rows of FIDELITY.md in which to follow the published program, or "published"."""
    cache_gb: float = 2.0
    """Gigabytes of memory for features of images or regions already seen; as much again
    for the images themselves where they stay on the device."""
    skip_bad: Switch = 0
    """1 goes on without files and objects that cannot be used, and lists them at the
    end."""
    seed: int = 0
    """Of everything random; the same seed gives the same run."""
    deterministic: Switch = 0
    """1 gives the same bits on the same GPU too, at the price of time; processors do
    without."""

    @property
    def class_name(self) -> str:
        """The class, in the form that names are compared in."""
        return class_name(self.class_object)

    @property
    def class_id(self) -> int | str:
        """The class as the log names it: VOC's by their numbers, 1 … 20."""
        return class_id(self.class_object)

    @property
    def model_stem(self) -> str:
        """Start of the names of model files, numbered from 0 as published or named."""
        return model_stem(self.class_object)

    @property
    def differences(self) -> Quirks:
        """The published differences to follow."""
        return Quirks.parse(self.quirks)

    @property
    def action_set(self) -> ActionSet:
        """What the agent can do."""
        return ACTION_SETS[self.actions]

    def search_spec(self, fill_colour: tuple[int, int, int]) -> SearchSpec:
        """Return how to search.

        Args:
            fill_colour: of the detector's features.
        """
        return SearchSpec(
            self.scale_subregion,
            self.number_of_steps,
            self.differences,
            self.action_set,
            self.history_length,
            fill_colour=fill_colour,
        )

    def identity(self) -> dict[str, Any]:
        """Return what a model and its tests have in common, ready for JSON."""
        return {
            "detector": self.detector,
            "class": self.class_name,
            "actions": list(self.action_set.names),
            "history_length": self.history_length,
            **self.search_identity(),
        }

    def search_identity(self) -> dict[str, Any]:
        """Return the part of it in which a test may differ from training."""
        return {
            "scale_subregion": self.scale_subregion,
            "number_of_steps": self.number_of_steps,
            "quirks": self.differences.names(),
            "flip_states": self.flip_states,
        }

    @property
    def cache_bytes(self) -> int:
        """Bytes of memory for features of images or regions already seen."""
        return int(self.cache_gb * 1e9)

    def check(self) -> None:
        """Refuse values that no run can have.

        Raises:
            InputError: names the setting, its value and what was expected.
        """
        class_name(self.class_object)
        Quirks.parse(self.quirks)
        expect(self, "scale_subregion", "between 0 and 1", lambda x: 0 < x < 1)
        expect(self, "number_of_steps", "at least 1", lambda x: x >= 1)
        expect_name(self, "actions", ACTION_SETS)
        expect(self, "history_length", "0 to 1000", lambda x: 0 <= x <= 1000)
        expect(self, "num_searches", "at least 1", lambda x: x >= 1)
        expect(self, "cache_gb", "a number, at least 0", lambda x: 0 <= x < inf)
        expect(self, "seed", "0 to 2147483647", lambda x: 0 <= x < 2**31)


@dataclass(frozen=True)
class TrainSettings(SharedSettings, RunSettings):
    """Settings of training."""

    gamma: float = 0.90
    """Discount of the next state's value."""
    epsilon: float = 1.0
    """Share of random actions in epoch 0."""
    epsilon_step: float = 0.1
    """What epsilon loses from epoch to epoch, down to 0.1."""
    batch_size: int = 100
    """Experiences in one update."""
    buffer_experience_replay: int = 1000
    """Experiences remembered."""
    learning_starts: int = 0
    """Experiences after which learning begins; 0 waits until the memory is full."""
    learning_rate: float = 1e-6
    """Of Adam."""
    decay_epochs: int = 0
    """Epochs over which Adam's rate falls to a hundredth along half a cosine; 0 keeps
    it, as published."""
    updates_per_step: int = 1
    """Batches learnt from after each step; more make more of few images."""
    reward: str = "iou_sign"
    """Of each step: a name in the table of hierarchy/rewards.py."""
    target: str = "q_learning"
    """Of the Q-values: a name in the table of hierarchy/targets.py."""
    target_update_period: int = 0
    """Updates after which a target network becomes equal to the one that learns; 0 has
    no target network, as published."""
    counterfactual_rewards: Switch = 0
    """1 also learns what actions not taken would have earned, where that is all of
    their value: the trigger always, with gamma 0 the movements too."""
    descriptor_scale: float = 1.0
    """Trains as if descriptors were so many times as long: first weights start and move
    accordingly. Descriptors whose L2 norm is over a thousand are too much for large
    learning rates."""
    path_voc: Path = VOC2012
    """Data set to train on, in any layout of docs/data.md; drawn planes where the
    default is not there."""
    path_voc2: Path = VOC2007
    """Second data set, for two_databases 1."""
    two_databases: Switch = 0
    """1 trains on both data sets."""
    image_set: str = "trainval"
    """Split or list to train on, without the class's name; all takes everything."""
    flip: Switch = 0
    """1 mirrors every other image, and in the next epoch those in between."""
    max_images: int = 0
    """Trains on so many images at most, the first of each data set; 0 takes all."""

    @property
    def counterfactual_actions(self) -> tuple[int, ...]:
        """Actions whose rewards are learnt from every state, taken or not."""
        if not self.counterfactual_rewards:
            return ()
        actions = self.action_set
        return (actions.trigger,) if self.gamma else tuple(actions.numbers)

    def epsilon_at(self, epoch: int) -> float:
        """Return the share of random actions in an epoch."""
        return get_epsilon(
            epoch, int(self.n), self.epsilon, self.epsilon_step, self.differences
        )

    def learning_rate_at(self, progress: float) -> float:
        """Return Adam's learning rate after so many epochs, with their fraction."""
        return get_learning_rate(self.learning_rate, progress, self.decay_epochs)

    def search_spec(self, fill_colour: tuple[int, int, int]) -> SearchSpec:
        """Return how to search, and what earns a reward."""
        return replace(super().search_spec(fill_colour), reward=REWARDS[self.reward])

    def remembered(self) -> dict[str, Any]:
        """Return what ``config.json`` says where training goes on; else nothing."""
        if self.n == 0:
            return {}
        class_object = _class_of_only_model(self, self.path_model)
        return RunSettings.remembered(replace(self, class_object=class_object))

    def identity(self) -> dict[str, Any]:
        """Return what must not change from one run of a model to the next.

        With another discount a memory filled before would be learnt from wrongly.
        """
        return super().identity() | {
            "buffer_experience_replay": self.buffer_experience_replay,
            "gamma": self.gamma,
            "reward": self.reward,
            "target": self.target,
            "target_update_period": self.target_update_period,
            "descriptor_scale": self.descriptor_scale,
        }

    def check(self) -> None:
        """Refuse values that no training can have."""
        super().check()
        self.check_run()
        expect_name(self, "reward", REWARDS)
        expect(self, "target_update_period", "at least 0", lambda x: x >= 0)
        expect(self, "gamma", "between 0 and 1", lambda x: 0 <= x <= 1)
        if self.target != "q_learning" or self.target_update_period:
            words = "above 0: else targets are the rewards alone, whatever target says"
            expect(self, "gamma", words, lambda x: x > 0)
        expect(self, "epsilon", "between 0 and 1", lambda x: 0 <= x <= 1)
        expect(self, "epsilon_step", "between 0 and 1", lambda x: 0 <= x <= 1)
        expect(self, "batch_size", "at least 1", lambda x: x >= 1)
        expect(
            self,
            "buffer_experience_replay",
            f"at least batch_size, {self.batch_size}",
            lambda x: x >= self.batch_size,
        )
        expect(self, "updates_per_step", "at least 1", lambda x: x >= 1)
        expect(
            self,
            "learning_starts",
            f"0, or batch_size, {self.batch_size}, to buffer_experience_replay",
            lambda x: x == 0 or self.batch_size <= x <= self.buffer_experience_replay,
        )
        expect(self, "decay_epochs", "at least 0", lambda x: x >= 0)
        expect(self, "learning_rate", "above 0, at most 1", lambda x: 0 < x <= 1)
        expect(self, "descriptor_scale", "above 0, at most 1", lambda x: 0 < x <= 1)
        expect(self, "max_images", "at least 0", lambda x: x >= 0)


@dataclass(frozen=True)
class TestSettings(SharedSettings):
    """Settings of testing."""

    path_voc_test: Path = VOC2007
    """Data set to test on, in any layout of docs/data.md. Left out, it is the one that
    was trained on, or VOC 2007 after VOC 2012; drawn planes where that is not there."""
    image_set: str = "test"
    """Split or list to test on, without the class's name; all takes everything."""
    path_model: Path = REPOSITORY / "models"
    """Where training put the checkpoints."""
    model_name: str = ""
    """Checkpoint in path_model, such as model0_epoch_49; the newest if left out."""
    weights_path: Path | None = None
    """Q-network file to use instead of a checkpoint in path_model."""
    explore: int = 0
    """Images of which all regions to three movements are looked at, for report.html:
    there another zoom than the agent's can be chosen. 156 regions each."""
    only_first_object: Switch = 1
    """0 paints over what was found and searches on for further objects."""
    images: tuple[Path, ...] | None = None
    """Pictures or folders of pictures without annotations, to search instead of
    path_voc_test."""

    shared_settings: ClassVar[frozenset[str]] = frozenset(
        "preset class_object scale_subregion number_of_steps actions history_length"
        " quirks flip_states".split()
    )
    """What a test takes from training where no flag says otherwise."""

    @property
    def trained_stem(self) -> str:
        """Start of the names of the files of the model to test."""
        file = self.weights_path or Path(self.model_name or self.model_stem)
        return stem_of(file.name)

    def remembered(self) -> dict[str, Any]:
        """Return what ``config.json`` beside the weights says of the training."""
        folder = folder_of(self)
        names = [vars(one).get("shared_settings", ()) for one in type(self).__mro__]
        one = replace(self, class_object=_class_of_only_model(self, folder))
        stem = one.trained_stem
        found = remembered(type(self), folder, stem, frozenset().union(*names))
        trained = remembered(TrainSettings, folder, stem, frozenset({"path_voc"}))
        if trained.get("path_voc", VOC2012) != VOC2012:
            found["path_voc_test"] = trained["path_voc"]
        return found

    def check(self) -> None:
        """Refuse values that no test can have."""
        super().check()
        expect(self, "images", "pictures or folders of them", lambda x: x != ())
        expect(self, "explore", "at least 0", lambda x: x >= 0)


def _class_of_only_model(settings: SharedSettings, folder: Path) -> ClassObject:
    """Return the class asked for; where none was, that of a folder's only model."""
    config = read_config(folder)
    if settings.class_object is None and len(config) == 1:
        (model,) = config.values()
        return model["settings"].get("class_object")
    return settings.class_object


def expect_name(settings: Any, name: str, table: Mapping[str, Any]) -> None:
    """Refuse a name that a table does not have.

    Raises:
        InputError: names the setting, its value and the names that there are.
    """
    expect(settings, name, " or ".join(table), lambda x: x in table)
