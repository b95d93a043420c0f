"""Training a detector: :func:`run_epoch` is the paper's algorithm.

:func:`train` puts the parts together and saves each epoch. Searches, and which of them
comes next, are those of :mod:`hierarchy.search`; the loss is
:meth:`hierarchy.learner.QLearner.compute_loss`. Source: paper, section 4.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from common.device_arrays import DeviceTable
from common.memory import tune_malloc
from common.prefetch import prefetch
from common.run import StatefulGenerator, open_run, resolve
from datasets.voc import VocImage
from hierarchy.agent import ActionOutput, Agent
from hierarchy.augmentation import Mirror, mirror_half, mirror_of
from hierarchy.checkpoint import Checkpoints
from hierarchy.config import TrainSettings, expect_name
from hierarchy.data import mirrored_in_turn, report_skipped, training_set
from hierarchy.diagnosis import CHECKS
from hierarchy.encoder import StateEncoder, get_states
from hierarchy.features import FeatureExtractor, MakeFeatures
from hierarchy.images import SearchImage
from hierarchy.learner import QLearner
from hierarchy.progress import EpochListener, TrainingProgress
from hierarchy.replay import ReplayMemory, host_table
from hierarchy.search import SearchSpec, TrainingSearch, training_searches
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
    images = training_set(settings)
    settings = replace(settings, class_object=images.class_object)
    names = settings.action_set.names
    checkpoints = Checkpoints(
        settings.path_model, settings.class_object, settings.keep_states, names
    )
    settings = resolve(settings, checkpoints)
    extract = make_features(settings)
    images = images.at_least(extract.smallest_image)
    parts = assemble(settings, extract)
    identity = settings.identity() | extract.fingerprint
    taking_part = parts.learner, parts.stateful, images
    with (
        open_run(settings, checkpoints, identity, *taking_part, CHECKS) as run,
        TrainingProgress(len(images), run.epochs.start, len(run.epochs)) as progress,
    ):
        for epoch in run.epochs:
            shown = mirrored_in_turn(images, epoch) if settings.flip else images
            decoded = prefetch(shown, settings.num_searches + 1)
            listener = EpochListener(settings, epoch, images, progress)
            adam = parts.learner.optimizer
            adam.learning_rate = settings.learning_rate_at(epoch)
            for step in run_epoch(parts, decoded, settings.epsilon_at(epoch)):
                if settings.decay_epochs:
                    progressed = epoch + step.image / len(images)
                    adam.learning_rate = settings.learning_rate_at(progressed)
                listener.add(step)
            run.end_epoch(*listener.finish(parts.learner, parts.replay))
    report_skipped(images)


def run_epoch(
    parts: "Parts", images: Iterable[VocImage], epsilon: float
) -> Iterator[Step]:
    """Search every image once for each of its objects; learn from and yield each step.

    A round takes a step of each of ``num_searches`` searches, of one by default.

    Args:
        parts: what takes part.
        images: to search.
        epsilon: probability of a random action, in [0, 1].
    """
    settings, spec, replay = parts.settings, parts.spec, parts.replay
    learning_starts = settings.learning_starts or replay.capacity  # 0: when full
    # With leaked_minibatch a search that seems done may go on.
    needs_last_state = settings.gamma > 0 or spec.quirks.leaked_minibatch

    def searches_of(image: VocImage) -> Iterator[TrainingSearch]:
        whole = SearchImage(image.key, image.pixels)
        return training_searches(whole, image.objects, settings.class_name, spec)

    # A slot holds one search that is under way, and the state that it stands in.
    for slots in walk(images, searches_of, settings.num_searches):
        # Observe. With exhausted_targets a search may be done before it acts.
        observe(parts, [slot for slot in slots if slot.state is None])
        slots = [slot for slot in slots if not slot.search.done]
        # Act.
        taken = [
            take_step(parts, slot, output)
            for slot, output in zip(slots, act(parts, slots, epsilon), strict=True)
        ]
        # Observe again. Where next states do not count, a search that is done keeps
        # its last state, which nobody reads.
        observe(parts, [s for s in slots if needs_last_state or not s.search.done])
        for slot, step in zip(slots, taken, strict=True):
            # Store; learn from the memory, this step's transition among it.
            learns = replay.size >= learning_starts
            # 0 after a trigger alone: the last step of the limit still looks ahead.
            discount = 0.0 if step.action == spec.actions.trigger else settings.gamma
            replay.store(
                step.state,
                step.action,
                step.reward,
                slot.state,
                discount,
                step.counterfactual_rewards,
            )
            losses = []
            for _ in range(settings.updates_per_step if learns else 0):
                batch = replay.sample(settings.batch_size, parts.sampling)
                if parts.mirror is not None:
                    batch = mirror_half(batch, parts.mirror, parts.sampling)
                # Moves Q(s, a) towards r + discount · max Q(s′, ·), or another target.
                losses.append(parts.learner.update(batch))
            # The published program's faults, where they are asked for.
            if learns and spec.quirks.leaked_minibatch:
                slot.search.triggered = bool(batch.actions[-1] == spec.actions.trigger)
                slot.state = batch.next_states[-1]
            elif not learns and spec.quirks.stale_state:
                slot.state = step.state
            step.loss = float(np.mean(losses)) if losses else None
            step.is_last = slot.search.done
            yield step


def observe(parts: "Parts", slots: Sequence[Slot]) -> None:
    """Look at the regions where searches stand, all at once."""
    searches = [slot.search for slot in slots]
    states = get_states(searches, parts.extract, parts.encoder)
    for slot, state in zip(slots, states, strict=True):
        slot.state = state


def act(parts: "Parts", slots: Sequence[Slot], epsilon: float) -> list[ActionOutput]:
    """Return an action for each search, the trigger where it is forced."""
    free = [slot.state for slot in slots if not slot.search.trigger_is_forced]
    chosen = iter(parts.agent.act(free, epsilon) if free else ())
    forced = ActionOutput(parts.spec.actions.trigger)
    return [forced if slot.search.trigger_is_forced else next(chosen) for slot in slots]


def take_step(parts: "Parts", slot: Slot, output: ActionOutput) -> Step:
    """Let a search take its step, and return what is known of it so far."""
    search, region = slot.search, slot.search.region
    counterfactual = np.full(len(parts.spec.actions), np.nan, np.float32)
    for action in parts.settings.counterfactual_actions:
        counterfactual[action - 1] = search.reward_of(action)
    reward = search.step(output.action)
    return Step(
        slot.index,
        search,
        region,
        slot.state,
        output.action,
        output.q_values,
        reward,
        counterfactual,
        search.target.iou,
        output.is_greedy,
    )


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
        stateful: what goes on where it stood besides the learner, by name.
        mirror: of half of the states that are learnt from, or None.
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
