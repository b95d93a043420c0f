"""Training: the loop that yields what happened, and who listens to it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hierarchy.agent import Agent
from hierarchy.description import Describer, get_state
from hierarchy.pictures import Picture
from hierarchy.regions import TRIGGER, Region
from hierarchy.replay import NOTHING_KNOWN, ReplayMemory
from hierarchy.search import SearchRules, TrainingSearch, training_searches
from hierarchy.voc import VocImage


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a training search.

    Attributes:
        image: number of the image in this epoch, from 0.
        search: the search, as it stands after the step.
        region: what was looked at before the step.
        action: what was done, 1 … 6.
        q_values: float32 (6,) on which it was decided, or None.
        reward: ±1, or ±3 for a trigger.
        iou: of the region with the followed object after the step.
        loss: of the updates after the step, their mean; None before learning begins.
        is_last: whether the search ended with it.
    """

    image: int
    search: TrainingSearch
    region: Region
    action: int
    q_values: np.ndarray | None
    reward: int
    iou: float
    loss: float | None
    is_last: bool


class Trainer:
    """Runs training searches, remembers their experiences and learns from them.

    Source: paper, section 4; FIDELITY.md rows leaked_minibatch and stale_state.

    Args:
        agent: chooses and learns.
        describer: the detector's.
        replay: the memory.
        rules: how to search.
        class_object: class to search for, 1 … 20.
        batch_size: experiences in one update.
        generator: of the sampled experiences.
        updates_per_step: batches learnt from after each step.
        learning_starts: experiences after which learning begins; 0 waits until the
            memory is full, as published.
        known_actions: actions learnt from every state, taken or not, because their
            reward is all of their value; none in the published program.
        looks_ahead: whether a next state's value counts; where it does not, that of a
            search's end, which nothing else needs, is not described.
    """

    def __init__(
        self,
        agent: Agent,
        describer: Describer,
        replay: ReplayMemory,
        rules: SearchRules,
        class_object: int,
        batch_size: int,
        generator: np.random.Generator,
        updates_per_step: int = 1,
        learning_starts: int = 0,
        known_actions: Sequence[int] = (),
        looks_ahead: bool = True,
    ):
        self.agent = agent
        self.describer = describer
        self.replay = replay
        self.rules = rules
        self.class_object = class_object
        self.batch_size = batch_size
        self._generator = generator
        self._updates_per_step = updates_per_step
        self._learning_starts = learning_starts or replay.capacity
        self._known_actions = known_actions
        # With the quirk a search that seems over may go on.
        self._looks_ahead = looks_ahead or rules.quirks.leaked_minibatch

    def epoch(self, images: Iterable[VocImage], epsilon: float) -> Iterator[Step]:
        """Search every image once for each of its objects; yield each step.

        Args:
            images: the training images.
            epsilon: share of random actions, in [0, 1].
        """
        for number, image in enumerate(images):
            picture = Picture(image.key, image.pixels)
            for search in training_searches(
                picture, image.objects, self.class_object, self.rules
            ):
                yield from self._run(search, number, epsilon)

    def _run(
        self, search: TrainingSearch, image: int, epsilon: float
    ) -> Iterator[Step]:
        state = self._state(search)
        while not search.over:
            region, action, q_values = search.region, TRIGGER, None
            if not search.must_trigger:
                choice = self.agent.choose(state, epsilon)
                action, q_values = choice.action, choice.q_values
            known = self._known(search)
            reward = search.take(action)
            needs_next = self._looks_ahead or not search.over
            next_state = self._state(search) if needs_next else state
            experience = (state, action, reward, next_state, known)
            state, loss = self._learn(search, experience)
            yield Step(
                image,
                search,
                region,
                action,
                q_values,
                reward,
                search.followed.new_iou,
                loss,
                search.over,
            )

    def _state(self, search: TrainingSearch) -> np.ndarray:
        return get_state(
            search.picture, search.region, search.state.history, self.describer
        )

    def _known(self, search: TrainingSearch) -> np.ndarray:
        known = NOTHING_KNOWN.copy()
        for action in self._known_actions:
            known[action - 1] = search.reward_of(action)
        return known

    def _learn(
        self, search: TrainingSearch, experience: tuple
    ) -> tuple[np.ndarray, float | None]:
        """Remember the step and learn; return the state to go on from, and the loss.

        Until the memory holds ``learning_starts`` nothing is learnt.
        """
        quirks = self.rules.quirks
        learns = self.replay.size >= self._learning_starts
        self.replay.store(*experience)
        state, _, _, next_state, _ = experience
        if not learns:
            return (state if quirks.stale_state else next_state), None
        losses = []
        for _ in range(self._updates_per_step):
            batch = self.replay.sample(self.batch_size, self._generator)
            losses.append(self.agent.update(batch))
        if quirks.leaked_minibatch:
            search.triggered = bool(batch.actions[-1] == TRIGGER)
            next_state = batch.next_states[-1]
        return next_state, float(np.mean(losses))
