"""Training: the loop that yields what happened, and who listens to it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from common.device_arrays import Array
from datasets.voc import VocImage
from hierarchy.agent import Agent, Choice
from hierarchy.description import Describer, get_states
from hierarchy.pictures import Picture
from hierarchy.regions import TRIGGER, Region
from hierarchy.replay import NOTHING_KNOWN, ReplayMemory
from hierarchy.search import SearchRules, TrainingSearch, training_searches


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
        num_searches: images that are searched in lockstep, a step of each at a time:
            described together, decided on together, then learnt from one by one.
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
        num_searches: int = 1,
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
        self._num_searches = num_searches
        # With the quirk a search that seems over may go on.
        self._looks_ahead = looks_ahead or rules.quirks.leaked_minibatch

    def epoch(self, images: Iterable[VocImage], epsilon: float) -> Iterator[Step]:
        """Search every image once for each of its objects; yield each step.

        Args:
            images: the training images.
            epsilon: share of random actions, in [0, 1].
        """
        images = enumerate(images)
        lanes = [
            lane for _ in range(self._num_searches) if (lane := self._lane(images))
        ]
        while lanes:
            self._look([lane for lane in lanes if lane.state is None])
            running = [lane for lane in lanes if not lane.search.over]
            yield from self._step(running, epsilon)
            lanes = [lane for lane in lanes if self._goes_on(lane, images)]

    def _lane(self, images: Iterator[tuple[int, VocImage]]) -> "_Lane | None":
        """Return the searches of the next image; None where none is left."""
        lane = _Lane()
        return lane if self._goes_on(lane, images) else None

    def _goes_on(self, lane: "_Lane", images: Iterator[tuple[int, VocImage]]) -> bool:
        """Let a lane's search be one that goes on: its own, or the next there is."""
        if lane.search is not None and not lane.search.over:
            return True
        lane.state = None
        while (search := next(lane.searches, None)) is None:
            number, image = next(images, (0, None))
            if image is None:
                return False
            lane.image = number
            lane.searches = training_searches(
                Picture(image.key, image.pixels),
                image.objects,
                self.class_object,
                self.rules,
            )
        lane.search = search
        return True

    def _look(self, lanes: Sequence["_Lane"]) -> None:
        """Look at the regions where searches stand, all at once."""
        states = get_states([lane.search for lane in lanes], self.describer)
        for lane, state in zip(lanes, states, strict=True):
            lane.state = state

    def _step(self, lanes: Sequence["_Lane"], epsilon: float) -> Iterator[Step]:
        """Take one step of each search; remember, learn from and yield each."""
        choices = self._choose(lanes, epsilon)
        taken = []
        for lane, choice in zip(lanes, choices, strict=True):
            region, known = lane.search.region, self._known(lane.search)
            reward = lane.search.take(choice.action)
            taken.append((lane, choice, region, reward, known, lane.state))
        self._look(
            [lane for lane in lanes if self._looks_ahead or not lane.search.over]
        )
        for lane, choice, region, reward, known, state in taken:
            experience = (state, choice.action, reward, lane.state, known)
            lane.state, loss = self._learn(lane.search, experience)
            yield Step(
                lane.image,
                lane.search,
                region,
                choice.action,
                choice.q_values,
                reward,
                lane.search.followed.new_iou,
                loss,
                lane.search.over,
            )

    def _choose(self, lanes: Sequence["_Lane"], epsilon: float) -> list[Choice]:
        """Return an action for each search, the trigger where it is forced."""
        free = [lane for lane in lanes if not lane.search.must_trigger]
        chosen = dict.fromkeys(lanes, Choice(TRIGGER))
        if free:
            choices = self.agent.choose([lane.state for lane in free], epsilon)
            chosen |= dict(zip(free, choices, strict=True))
        return list(chosen.values())

    def _known(self, search: TrainingSearch) -> np.ndarray:
        known = NOTHING_KNOWN.copy()
        for action in self._known_actions:
            known[action - 1] = search.reward_of(action)
        return known

    def _learn(
        self, search: TrainingSearch, experience: tuple
    ) -> tuple[Array, float | None]:
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


class _Lane:
    """One of the images that are searched in lockstep.

    Attributes:
        image: its number.
        searches: those of the image that are still to come.
        search: the current one.
        state: what the Q-network sees of where it stands; None if nobody looked yet.
    """

    def __init__(self):
        self.image = -1
        self.searches: Iterator[TrainingSearch] = iter(())
        self.search: TrainingSearch | None = None
        self.state: Array | None = None
