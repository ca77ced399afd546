"""Lesson by measured people: how long and how fast each arm learns from them, and whose lessons are unequal."""

from __future__ import annotations

from dataclasses import dataclass

from recipes.equal_lesson import UNEQUAL, unequal_lessons
from recipes.few_people.settings import FewPeopleSettings
from recipes.run import Run
from training.transfer.arm import ARMS, SCRATCH, Arm, Start

FROM_LABELS: tuple[Start, ...] = ("labels", "both")
"""Starts after which the head knows its task."""
_OF_VIRTUAL = Arm("virtual", "labels")
"""How measured people teach the networks of fewer virtual people (``"virtual 30"``)."""


@dataclass(frozen=True)
class MeasuredLesson:
    """How long measured people teach an arm.

    Attributes
    ----------
    signal_steps, label_steps : int
        Steps of their signals alone, and then of their labels. A step is of as many windows in every arm (setting
        `batch`), so that as many steps are as many windows.
    """

    signal_steps: int
    label_steps: int

    @property
    def steps(self) -> int:
        """All steps in which their windows are seen."""
        return self.signal_steps + self.label_steps


def pace_of(settings: FewPeopleSettings, start: Start) -> tuple[int, float]:
    """Steps and peak rate of the lesson by measured people: faster, and at best for as long, where the head is new."""
    if start in FROM_LABELS:
        return settings.tuned_steps, settings.tuned_rate
    return settings.new_steps, settings.new_rate


def lesson_by_measured(settings: FewPeopleSettings, method: str) -> MeasuredLesson | None:
    """The lesson of an arm, or of ``"virtual N"``; None for a method without steps."""
    arms = {arm.name: arm for arm in ARMS}
    arm = _OF_VIRTUAL if method.startswith(f"{_OF_VIRTUAL.name} ") else arms.get(method)
    if arm is None:
        return None
    signals = settings.tuned_steps if arm.own_signals else 0
    return MeasuredLesson(signals, pace_of(settings, arm.start)[0])


def unequal_arms(settings: FewPeopleSettings, method: str, n: int, other: str = SCRATCH) -> str:
    """What the note of a row says that holds a method taught by n measured people against another one.

    Parameters
    ----------
    settings : FewPeopleSettings
    method : str
    n : int
        Measured people who teach it. With none it has no lesson that could be too short, and nothing is said.
    other : str
        Whom it is held against, taught by measured people.

    Returns
    -------
    str
        See `recipes.equal_lesson.unequal_lessons`.
    """
    own, theirs = (lesson_by_measured(settings, name) for name in (method, other))
    if not n or own is None or theirs is None:
        return ""
    return unequal_lessons(own.steps, theirs.steps)


def say_unequal(run: Run) -> None:
    """Print `unequal_sentence` for people, before anything is taught."""
    if sentence := unequal_sentence(run.settings):
        run.say(sentence)


def unequal_sentence(settings: FewPeopleSettings) -> str:
    """A sentence on the arms of a run whose lessons differ from that of the network from scratch; empty without any."""
    names = [arm.name for arm in ARMS if arm.everywhere or arm.name in settings.options]
    found = {name: unequal_arms(settings, name, 1) for name in names}
    said = [f"{name} ({words.removeprefix(f'{UNEQUAL}: ')})" for name, words in found.items() if words]
    if not said:
        return ""
    return (
        f"{UNEQUAL.capitalize()} by measured people, held against {SCRATCH}: {', '.join(said)}. Rows that compare "
        "these arms say so, and no goal is judged by them."
    )
