"""Settings of the glimpse regressor; the defaults are the paper's best model.

Every field is a flag of the same name; the text below it is the flag's help. The
sources of the defaults are in FIDELITY.md. Other settings that have a name are in
glimpse_rnn/presets.py.
"""

from dataclasses import dataclass, fields
from math import inf
from pathlib import Path
from typing import Any, ClassVar, Literal

from common.errors import file_error
from common.files import REPOSITORY
from common.run import CONFIG, RunSettings, config_of, folder_of, remembered
from common.settings import PresetSettings, expect
from datasets.keypoint_tables import column_names
from glimpse_rnn import presets
from weights import DEFAULT_PATH

Switch = Literal[0, 1]

MODELS = REPOSITORY / "models_glimpse_rnn"

STEM = "model"
"""Start of the names of model files."""

SIZES = {
    "door_handle": {"image_size": 256, "bandwidth": 60, "radius": 30},
    "mnist_centroid": {"image_size": 60, "bandwidth": 12, "radius": 6},
}
"""Sizes in pixels by task: of the paper's best model, and for digits of 28 pixels."""


@dataclass(frozen=True)
class StartSettings(PresetSettings):
    """Where the other settings start from."""

    PRESETS = presets.PRESETS

    preset: Literal["paper", "fast", "strongest", "demo"] = "paper"
    """Where settings start from: the paper's best model, what learns in minutes, the
    strongest that is known, or what make demo runs (glimpse_rnn/presets.py); further
    flags override it. All but the paper's are for photographs, not for digits."""


@dataclass(frozen=True)
class ModelSettings:
    """What the network is built by."""

    task: Literal["door_handle", "mnist_centroid"] = "door_handle"
    """What to find: the handle of a car's door, or the centroid of a digit."""
    image_size: int = 0
    """Side of the canvas that images are squashed to, in pixels; 0 is 256, or 60 for
    digits."""
    glimpses: int = 8
    """Glimpses in a run; the paper compares 4, 8 and 12."""
    bandwidth: int = 0
    """Side that the crop of every level is resized to, in pixels; 0 is 60, or 12 for
    digits."""
    radius: int = 0
    """Half the side of the finest crop, in pixels, each level is twice the last; 0 is
    30, or 6 for digits."""
    levels: int = 3
    """Crops in a glimpse."""
    glimpse_network: Literal["cnn", "fc", "residual", "vgg16"] = "cnn"
    """What looks at a glimpse: three convolutions, one layer of 128, the convolutions
    with residual blocks, or the first blocks of VGG-16."""
    pooling: Literal["average", "none"] = "average"
    """What becomes of the last convolution's places: averaged as in the paper, or each
    kept, so that where in a glimpse something lies is not lost. No effect on fc."""
    convolution_dtype: Literal["float32", "bfloat16"] = "float32"
    """What the glimpse network's convolutions compute in; weights stay float32."""
    cell: Literal["fc", "gru", "lstm"] = "fc"
    """What remembers."""
    state_size: int = 256
    """Units of the memory."""
    batch_norm: Switch = 0
    """1 normalises batches in the glimpse network."""
    location: str = "learned"
    """Where glimpses are taken: learned by REINFORCE, random (anywhere), centre, or
    predicted (where the keypoint is predicted to be after the glimpse before); or
    another name in the table of glimpse_rnn/policies.py."""
    location_offset: float = 0.0
    """Bound of the step from one location to the next, 2 is a whole image; 0 predicts
    locations themselves, as the paper does."""
    prediction_offset: Switch = 0
    """1 predicts the way from the last glimpse to the keypoint; 0, as the paper does,
    the keypoint's place itself."""
    location_std: float = 0.11
    """Standard deviation of a sampled location."""
    loss: Literal["l1", "l2"] = "l1"
    """Of the regression."""
    supervision: Literal["last", "every"] = "last"
    """Which predictions the regression is of: that after the last glimpse, as in the
    paper, or those after all of them."""
    reward: str = "exponential"
    """Of a rollout: exponential, exp(−15 Δ²), or binary, 1 where Δ is below 0.3; or
    another name in the table of glimpse_rnn/losses.py."""
    vgg_blocks: int = 3
    """Blocks of VGG-16 in the glimpse network vgg16."""
    vgg_trainable: Switch = 0
    """1 trains VGG-16's blocks too."""

    def __post_init__(self):
        for name, value in SIZES[self.task].items():
            if getattr(self, name) == 0:
                object.__setattr__(self, name, value)

    def architecture(self) -> dict[str, Any]:
        """Return what the network is built by, ready for JSON."""
        return {
            field.name: getattr(self, field.name) for field in fields(ModelSettings)
        }

    def check_model(self) -> None:
        """Refuse values that no network can have.

        Raises:
            InputError: names the setting, its value and what was expected.
        """
        for name in ("glimpses", "bandwidth", "radius", "levels", "state_size"):
            expect(self, name, "at least 1", lambda x: x >= 1)
        expect(self, "image_size", "at least 8", lambda x: x >= 8)
        expect(self, "location_offset", "0 to 2", lambda x: 0 <= x <= 2)
        expect(self, "location_std", "above 0", lambda x: x > 0)
        expect(self, "vgg_blocks", "1 to 5", lambda x: 1 <= x <= 5)
        if self.glimpse_network == "vgg16":
            least = 2**self.vgg_blocks
            words = f"at least {least}, for each of VGG-16's {self.vgg_blocks} blocks"
            expect(self, "bandwidth", f"{words} halves it", lambda x: x >= least)

    def check_names(self) -> None:
        """Refuse names that are in no table; loads Keras, for the tables need it.

        Raises:
            InputError: names the setting, its value and what is in the table.
        """
        from glimpse_rnn.losses import REWARDS
        from glimpse_rnn.policies import POLICIES

        for name, table in (("location", POLICIES), ("reward", REWARDS)):
            expect(self, name, f"one of {', '.join(table)}", table.__contains__)


@dataclass(frozen=True)
class DataSettings:
    """Which images, and where things go."""

    path_data: Path | None = None
    """Data set: a folder with annotations.txt (Car Door Handle format), a CSV table,
    COCO's JSON or YOLO's text files (docs/data.md), or MNIST files; drawn pictures
    where it is left out and no default is there."""
    keypoint: str = ""
    """Keypoint to find, by its name, in a data set of COCO's or YOLO's form."""
    columns: tuple[str, ...] = ()
    """What a CSV table's columns are called: image=file x=cx y=cy; also normaliser,
    visible and split."""
    cache_gb: float = 2.0
    """Gigabytes of memory for decoded images."""
    skip_bad: Switch = 0
    """1 goes on past rows and files that cannot be read, and lists them at the end."""
    path_model: Path = MODELS
    """Where checkpoints and log.csv are."""
    path_testing_folder: Path = REPOSITORY / "testing_visualizations"
    """Where drawings and results go."""
    seed: int = 0
    """Of everything random; the same seed gives the same run."""
    deterministic: Switch = 0
    """1 gives the same bits on the same GPU too, at the price of time; processors do
    without."""

    def check_data(self) -> None:
        """Refuse values that no run can have.

        Raises:
            InputError: names the setting, its value and what was expected.
        """
        expect(self, "cache_gb", "a number, at least 0", lambda x: 0 <= x < inf)
        expect(self, "seed", "0 to 2147483647", lambda x: 0 <= x < 2**31)
        column_names(self.columns)


@dataclass(frozen=True)
class TrainSettings(RunSettings, DataSettings, ModelSettings, StartSettings):
    """Train the recurrent glimpse regressor."""

    epochs: int = 140
    """Epochs to train in this run; with -n auto, those that there are to be in all."""
    path_model: Path = MODELS
    """Where checkpoints and log.csv go."""
    validation: float = 0.1
    """Share of the training images that is kept to validate on."""
    split_seed: int = 0
    """Of which images these are, and which are to test on where the data set does not
    say; the same for all runs that are to be compared."""
    batch_size: int = 64
    """Images in an update."""
    learning_rate: float = 1e-3
    """Of Adam."""
    decay: float = 0.999
    """What the learning rate is multiplied by every decay_steps updates."""
    decay_steps: int = 200
    """Updates between two such steps."""
    clip_norm: float = 0.5
    """Largest norm of the gradient."""
    flip: Switch = 1
    """1 mirrors half of the images; without effect on digits."""
    scale: float = 0.0
    """Images are enlarged or reduced by up to this share."""
    stretch: float = 0.0
    """The same for their height alone."""
    shift: float = 0.0
    """Images are moved by up to this share of half their sides."""
    colour: float = 0.0
    """Brightness, contrast, saturation and tint change by up to this share."""
    max_images: int = 0
    """Trains on so many images at most; 0 takes all."""
    path_vgg: Path = DEFAULT_PATH
    """VGG-16 weights for glimpse_network vgg16: an HDF5, .keras or ONNX file."""
    distribute: Literal["none", "mirrored", "multi_worker"] = "none"
    """Shares batches among the GPUs of a machine, or among the processes in TF_CONFIG;
    see glimpse_rnn/distribution.py."""
    keep_best: Switch = 0
    """1 keeps a copy of the epoch that is best on the validation part."""
    bool_draw: Switch = 0
    """1 draws a few runs on the validation part after every epoch."""

    own_settings: ClassVar[frozenset[str]] = RunSettings.own_settings | {
        "keep_best",
        "distribute",
    }

    @property
    def model_stem(self) -> str:
        """Start of the names of the model's files."""
        return STEM

    def identity(self) -> dict[str, Any]:
        """Return what must not change from one run of a model to the next."""
        partition = ("validation", "split_seed", "max_images")
        return self.architecture() | {name: getattr(self, name) for name in partition}

    def check(self) -> None:
        """Refuse values that no training can have.

        Raises:
            InputError: names the setting, its value and what was expected.
        """
        self.check_model()
        self.check_data()
        self.check_run()
        if self.task != "door_handle":
            words = f"paper for task {self.task}; the others' sizes are of photographs"
            expect(self, "preset", words, lambda x: x == "paper")
        expect(self, "max_images", "at least 0", lambda x: x >= 0)
        for name in ("batch_size", "decay_steps"):
            expect(self, name, "at least 1", lambda x: x >= 1)
        expect(self, "learning_rate", "above 0, at most 1", lambda x: 0 < x <= 1)
        expect(self, "clip_norm", "a number above 0", lambda x: 0 < x < inf)
        expect(self, "validation", "0 to below 1", lambda x: 0 <= x < 1)
        expect(self, "split_seed", "at least 0", lambda x: x >= 0)
        expect(self, "decay", "above 0, at most 1", lambda x: 0 < x <= 1)
        for name in ("scale", "stretch", "shift", "colour"):
            expect(self, name, "0 to below 1", lambda x: 0 <= x < 1)


@dataclass(frozen=True)
class TestSettings(DataSettings, ModelSettings, StartSettings):
    """Test the recurrent glimpse regressor, or locate in pictures of one's own."""

    model_name: str = ""
    """Checkpoint in path_model, such as model_epoch_49 or model_best; the newest if
    left out."""
    weights_path: Path | None = None
    """Weights file to use instead of a checkpoint in path_model."""
    split: Literal["test", "validation"] = "test"
    """What to measure on: the test images, or the part of the training images that
    training kept to validate on."""
    samples: int = 8
    """Sampled runs whose predictions are averaged."""
    controls: Switch = 0
    """1 also trains the whole-image regression, and keeps it in path_model."""
    control_epochs: int = 40
    """Epochs of that training."""
    path_random: Path | None = None
    """Folder of a model trained with location random, for the control of that name."""
    bool_draw: Switch = 0
    """1 draws every run, with what each glimpse sees."""
    images: tuple[Path, ...] | None = None
    """Pictures or folders of pictures without annotations, to locate in instead."""
    explore: int = 0
    """Images, worst first, for which other first glimpses are tried, for report.html:
    there the first glimpse can be dragged. 81 runs each."""

    def remembered(self) -> dict[str, Any]:
        """Return what ``config.json`` beside the weights says of network and data."""
        shared = (ModelSettings, StartSettings)
        names = {field.name for one in shared for field in fields(one)}
        names |= {"path_data", "keypoint", "columns"}
        return remembered(type(self), folder_of(self), STEM, frozenset(names))

    def check(self) -> None:
        """Refuse values that no test can have.

        Raises:
            InputError: names the setting, its value and what was expected.
        """
        self.check_model()
        self.check_data()
        for name in ("samples", "control_epochs"):
            expect(self, name, "at least 1", lambda x: x >= 1)
        expect(self, "images", "pictures or folders of them", lambda x: x != ())
        expect(self, "explore", "at least 0", lambda x: x >= 0)


def training_of(folder: Path) -> dict[str, Any]:
    """Return what ``config.json`` says of a training: ``settings``, ``identity``.

    Raises:
        InputError: there is no such file, or it is damaged.
    """
    config = config_of(folder, STEM)
    if config is None:
        raise file_error(
            folder / CONFIG,
            "there is no such file",
            "the settings of a trained model (python glimpse_rnn/train.py -n 0)",
        )
    return config


def trained_model(folder: Path) -> ModelSettings:
    """Return the settings that a folder's network is built by.

    Raises:
        InputError: there is no ``config.json``, or it is damaged.
    """
    training_of(folder)
    return ModelSettings(**_trained_architecture(folder))


def _trained_architecture(folder: Path) -> dict[str, Any]:
    names = frozenset(field.name for field in fields(ModelSettings))
    return remembered(ModelSettings, folder, STEM, names)
