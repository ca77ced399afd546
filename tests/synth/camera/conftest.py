"""A clip that somebody might have of their own."""

import sys
from pathlib import Path

import numpy as np
import pytest

from synth.camera.detector import DetectorErrors
from synth.camera.keypoint_clip import View, film

sys.path.insert(0, str(Path(__file__).parent))
from made_gait import made_gait
from own_files import RATE


@pytest.fixture(scope="module")
def clip():
    """A virtual walk, filmed with drop-outs."""
    errors = DetectorErrors(jitter=0.002, dropout=0.8)
    return film(made_gait(), View(rate=RATE), errors, np.random.default_rng(1), seconds=3.0)
