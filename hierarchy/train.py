"""Training a detector: the paper's algorithm from top to bottom.

:func:`train` puts the parts together and saves each epoch, :func:`run_epoch` is the
algorithm. Source: paper, section 4.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from common.device_arrays import DeviceTable
from common.memory import tune_malloc
from common.prefetch import prefetch
from common.run import StatefulGenerator, open_run, resolve
from datasets.voc import VocImage, VocSet
from hierarchy.agent import ActionOutput, Agent
from hierarchy.augmentation import Mirror, mirror_half, mirror_of
from hierarchy.checkpoint import Checkpoints
from hierarchy.config import TrainSettings, expect_name
from hierarchy.data import (
    mirrored_in_turn,
    nothing_to_search,
    report_skipped,
    training_set,
)
from hierarchy.encoder import StateEncoder, get_states
from hierarchy.features import FeatureExtractor, MakeFeatures
from hierarchy.images import SearchImage
from hierarchy.learner import QLearner
from hierarchy.progress import EpochSummary, TrainingProgress, format_row
from hierarchy.replay import ReplayMemory, host_table
from hierarchy.search import SearchSpec, TrainingSearch, training_searches
from hierarchy.strips import StripWriter
from hierarchy.targets import TARGETS
from hierarchy.walk import Slot, Step, walk


def train(settings: TrainSettings, make_features: MakeFeatures) -> None:
    """Train from epoch ``n`` on and save every epoch.

    Args:
        settings: all of them; see :mod:`hierarchy.config`.
        make_features: makes the detector's features by its settings.

    Raises:
        InputError: a setting or file cannot be used.
    """
    settings.check()
    expect_name(settings, "target", TARGETS)
    tune_malloc()
    checkpoints = Checkpoints(
        settings.path_model, settings.class_id, settings.keep_states
    )
    settings = resolve(settings, checkpoints)
    images = training_set(settings)
    extract = make_features(settings)
    images = images.at_least(extract.smallest_image)
    parts = assemble(settings, extract)
    identity = settings.identity() | extract.fingerprint
    with open_run(
        settings, checkpoints, identity, parts.learner, parts.stateful
    ) as run:
        with TrainingProgress(
            len(images), run.epochs.start, len(run.epochs)
        ) as progress:
            for epoch in run.epochs:
                row = _train_epoch(parts, images, epoch, progress)
                run.end_epoch(row, format_row(row))
    report_skipped(images)


@dataclass
class Parts:
    """All that takes part in a training.

    Attributes:
        settings: of the training.
        spec: how to search.
        extract: the detector's features.
        encoder: of states.
        learner: the Q-network, and how it learns.
        agent: acts by the learner's Q-values.
        replay: the memory.
        sampling: random generator of what is sampled from the memory.
        mirror: of half of the states that are learnt from, or None.
        stateful: what goes on where it stood besides the learner, by name.
    """

    settings: TrainSettings
    spec: SearchSpec
    extract: FeatureExtractor
    encoder: StateEncoder
    learner: QLearner
    agent: Agent
    replay: ReplayMemory
    sampling: np.random.Generator
    stateful: dict[str, Any]
    mirror: Mirror | None = None


def assemble(settings: TrainSettings, extract: FeatureExtractor) -> Parts:
    """Make what takes part in a training, as it is before the first epoch."""
    spec = settings.search_spec(extract.fill_colour)
    num_actions = len(spec.actions)
    encoder = StateEncoder(extract.size, settings.history_length, num_actions)
    learner = QLearner(
        encoder.state_size,
        encoder.feature_size,
        num_actions,
        target=settings.target,
        target_update_period=settings.target_update_period,
        bootstrap=settings.gamma > 0,
        learning_rate=settings.learning_rate,
        descriptor_scale=settings.descriptor_scale,
        seed=settings.seed,
    )
    replay = ReplayMemory(
        settings.buffer_experience_replay,
        encoder.state_size,
        num_actions,
        int(spec.quirks.first_slot),
        DeviceTable if settings.on_device else host_table,
    )
    acting, sampling = (StatefulGenerator([settings.seed, i]) for i in range(2))
    agent = Agent(learner.q_values, num_actions, acting, bool(settings.bool_draw))
    stateful = {"replay": replay, "actions": acting, "samples": sampling}
    parts = Parts(
        settings, spec, extract, encoder, learner, agent, replay, sampling, stateful
    )
    if settings.flip_states:
        parts.mirror = mirror_of(extract, encoder, spec.actions)
    return parts


def _train_epoch(
    parts: Parts, images: VocSet, epoch: int, progress: TrainingProgress
) -> dict[str, Any]:
    """Train an epoch, show and draw it, and return its row of the log."""
    settings = parts.settings
    epsilon = settings.epsilon_at(epoch)
    summary = EpochSummary(epoch, epsilon, settings.class_id)
    strips = StripWriter(settings.path_testing_folder / "training")
    shown = mirrored_in_turn(images, epoch) if settings.flip else images
    decoded = prefetch(shown, settings.num_searches + 1)
    parts.learner.optimizer.learning_rate = settings.learning_rate_at(epoch)
    for step in run_epoch(parts, decoded, epsilon):
        if settings.decay_epochs:
            rate = settings.learning_rate_at(epoch + step.image / len(images))
            parts.learner.optimizer.learning_rate = rate
        summary.add(step)
        progress.show(step, summary)
        if settings.bool_draw:
            strips.add(step, epoch)
    if not summary.steps:
        raise nothing_to_search(settings, images)
    return summary.row


def run_epoch(
    parts: Parts, images: Iterable[VocImage], epsilon: float
) -> Iterator[Step]:
    """Search every image once for each of its objects; learn from and yield each step.

    Args:
        parts: what takes part.
        images: to search, ``num_searches`` at a time.
        epsilon: share of random actions, in [0, 1].
    """
    settings, trigger = parts.settings, parts.spec.actions.trigger
    learning_starts = settings.learning_starts or parts.replay.capacity
    # With the quirk a search that seems done may go on.
    bootstrap = settings.gamma > 0 or parts.spec.quirks.leaked_minibatch

    def searches_of(image: VocImage) -> Iterator[TrainingSearch]:
        whole = SearchImage(image.key, image.pixels)
        return training_searches(whole, image.objects, settings.class_id, parts.spec)

    for slots in walk(images, searches_of, settings.num_searches):
        _observe(parts, [slot for slot in slots if slot.state is None])
        slots = [slot for slot in slots if not slot.search.done]
        taken = []
        for slot, output in zip(slots, _act(parts, slots, epsilon), strict=True):
            region, counterfactual = slot.search.region, _counterfactual(parts, slot)
            reward = slot.search.step(output.action)
            taken.append((slot.state, output, reward, region, counterfactual))
        _observe(parts, [s for s in slots if bootstrap or not s.search.done])
        for slot, (state, output, reward, region, counterfactual) in zip(
            slots, taken, strict=True
        ):
            discount = 0.0 if output.action == trigger else settings.gamma
            learns = parts.replay.size >= learning_starts
            parts.replay.store(
                state, output.action, reward, slot.state, discount, counterfactual
            )
            loss = _learn(parts, slot) if learns else None
            if not learns and parts.spec.quirks.stale_state:
                slot.state = state
            search = slot.search
            yield Step(
                slot.index,
                search,
                region,
                output.action,
                output.q_values,
                reward,
                search.target.iou,
                loss,
                search.done,
            )


def _observe(parts: Parts, slots: Sequence[Slot]) -> None:
    """Look at the regions where searches stand, all at once."""
    searches = [slot.search for slot in slots]
    states = get_states(searches, parts.extract, parts.encoder)
    for slot, state in zip(slots, states, strict=True):
        slot.state = state


def _act(parts: Parts, slots: Sequence[Slot], epsilon: float) -> list[ActionOutput]:
    """Return an action for each search, the trigger where it is forced."""
    forced = ActionOutput(parts.spec.actions.trigger)
    free = [slot for slot in slots if not slot.search.trigger_is_forced]
    outputs = dict.fromkeys(slots, forced)
    if free:
        chosen = parts.agent.act([slot.state for slot in free], epsilon)
        outputs |= dict(zip(free, chosen, strict=True))
    return list(outputs.values())


def _counterfactual(parts: Parts, slot: Slot) -> np.ndarray:
    """Return what actions would earn now; NaN where that is not all of their value."""
    rewards = np.full(len(parts.spec.actions), np.nan, np.float32)
    for action in parts.settings.counterfactual_actions:
        rewards[action - 1] = slot.search.reward_of(action)
    return rewards


def _learn(parts: Parts, slot: Slot) -> float:
    """Update the Q-network, and return the mean loss of the updates."""
    settings, losses = parts.settings, []
    for _ in range(settings.updates_per_step):
        batch = parts.replay.sample(settings.batch_size, parts.sampling)
        if parts.mirror is not None:
            batch = mirror_half(batch, parts.mirror, parts.sampling)
        losses.append(parts.learner.update(batch))
    if parts.spec.quirks.leaked_minibatch:
        slot.search.triggered = bool(batch.actions[-1] == parts.spec.actions.trigger)
        slot.state = batch.next_states[-1]
    return float(np.mean(losses))
