"""A generative model: learns from samples (perhaps with conditions), then makes any number of new ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Lesson:
    """What a model learns from; standardised (`training.generative.person_fold.Standard`).

    Attributes
    ----------
    samples : ndarray, shape (n, n_points, n_channels)
    conditions : ndarray, shape (n, width)
        Width 0: none.
    validation, validation_conditions : ndarray
        The same of people who do not teach.
    people, validation_people : ndarray of str, shapes (n,) and (n_validation,), optional
        Whose samples they are; without, each is somebody's only one.
    """

    samples: np.ndarray
    conditions: np.ndarray
    validation: np.ndarray
    validation_conditions: np.ndarray
    people: np.ndarray | None = None
    validation_people: np.ndarray | None = None


class Generator(ABC):
    """Makes samples."""

    @abstractmethod
    def generate(self, n: int, conditions: np.ndarray, seed: int) -> np.ndarray:
        """New samples (n, n_points, n_channels) under conditions (n, width); equal seeds make equal samples."""


class GenerativeModel(ABC):
    """Learns how samples are distributed."""

    @abstractmethod
    def fit(self, lesson: Lesson, seed: int) -> Generator:
        """Learn; equal seeds learn the same."""
