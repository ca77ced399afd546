"""What every test may ask for: the folder of real recordings, and one thread per process."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# What is remembered of models must not outlive a test run, nor fill the user's cache.
os.environ.setdefault("KINESYNTH_CACHE", tempfile.mkdtemp(prefix="kinesynth-cache-"))

REPOSITORY = Path(__file__).resolve().parents[1]
if str(REPOSITORY) not in sys.path:
    sys.path.insert(0, str(REPOSITORY))


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the source tree."""
    return REPOSITORY


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of real recordings: KINESYNTH_TEST_DATA, or ``../shared/data`` beside the repository.

    Without it a test is skipped, except under ``CI=true``, where missing data is a failure.
    """
    folder = Path(os.environ.get("KINESYNTH_TEST_DATA") or REPOSITORY.parent / "shared" / "data").resolve()
    if folder.is_dir() and any(folder.iterdir()):
        return folder
    reason = f"no real recordings in {folder}; set KINESYNTH_TEST_DATA to the folder that holds them"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
