"""Detector file: the output of a detector of keypoints: a folder of JSON, one file a frame, or one JSON of all.

Folders are as OpenPose writes them (``--write_json``), and as Pose2Sim and Sports2D write those of RTMPose:
``{"people": [{"pose_keypoints_2d": [x, y, score, ...]}]}``, the number of the frame at the end of the file's name. One
file is as AlphaPose writes it: a list of ``{"image_id": "12.jpg", "keypoints": [x, y, score, ...]}``.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from synth.camera.detector_layout import LAYOUTS
from synth.camera.detector_people import followed_person
from synth.corpus.schema import CorpusMismatch

LEAST_SCORE = 0.3
"""Below that a point counts as not seen."""
_NUMBER = re.compile(r"(\d+)(?=\D*$)")
_POSE, _LIST = "pose_keypoints_2d", "keypoints"
_MOST_FRAMES = 1_000_000
_WORDS = ("_keypoints",)


def read_detector_file(
    path: Path, rate: float, least_score: float = LEAST_SCORE
) -> tuple[np.ndarray, float, list[str]]:
    """Keypoints of the person whom a detector followed.

    Parameters
    ----------
    path : Path
        A folder, or a file.
    rate : float
        Of the frames that are numbered one after the other (Hz).
    least_score : float
        A point below is not seen.

    Returns
    -------
    ndarray, shape (n_frames, 12, 2)
        Pixels; NaN where nothing was found, and in frames that are missing.
    float
        Hz; less than `rate` where only every so many frames were looked at.
    list of str
        What is to be known of it.

    Raises
    ------
    CorpusMismatch
        It is no output of a known detector, or nobody can tell which person is meant.
    """
    found: dict[int, list[np.ndarray]] = {}
    count = 0
    for number, place, people in _frames(Path(path)):
        for person in people:
            points = _points(person, place)
            if points is None:
                continue
            if len(points) not in LAYOUTS:
                raise CorpusMismatch(_unknown(len(points), place))
            if count and len(points) != count:
                raise CorpusMismatch(
                    f"{place}: a person of {len(points)} points after people of {count}; one detector."
                )
            count = len(points)
            found.setdefault(number, []).append(LAYOUTS[count].keypoints(points, least_score))
        found.setdefault(number, [])
    numbers = sorted(found)
    if len(numbers) < 2:
        raise CorpusMismatch(f"{path}: expected two frames or more, found {len(numbers)}.")
    if not count:
        raise CorpusMismatch(f"{path}: nobody was found in {len(numbers)} frames. Is it the right folder?")
    step = math.gcd(*(b - numbers[0] for b in numbers[1:]))
    length = (numbers[-1] - numbers[0]) // step + 1
    if length > _MOST_FRAMES:
        raise CorpusMismatch(f"{path}: frames are numbered from {numbers[0]} to {numbers[-1]}; expected one video.")
    frames = [found.get(numbers[0] + i * step, []) for i in range(length)]
    pixels, notes = followed_person(frames, rate / step, str(path))
    missing = length - len(numbers)
    if missing:
        notes.append(f"{missing} of {length} frames have no file")
    if step > 1:
        notes.append(f"one frame of {step} was looked at")
    return pixels, rate / step, [LAYOUTS[count].name, *notes]


def detector_files(path: Path) -> list[Path]:
    """Files that are read of a detector's output, in order: a folder's JSON whatever the case of their ending."""
    if not path.is_dir():
        return [path]
    return sorted(p for p in path.iterdir() if p.suffix.lower() == ".json")


def _unknown(count: int, place: str) -> str:
    known = ", ".join(f"{layout.name} ({layout.count})" for layout in LAYOUTS.values())
    why = " It has no heels and toes." if count in (15, 16, 17, 18) else ""
    return f"{place}: a person of {count} points; expected one of {known}.{why} Choose such a model in your detector."


def _frames(path: Path) -> Iterator[tuple[int, str, list[Any]]]:
    """Number, place (for what is said) and people of every frame."""
    if path.is_dir():
        files = detector_files(path)
        if not files:
            raise CorpusMismatch(f"{path}: expected a JSON file a frame, found none. Give the detector's own folder.")
        seen: dict[int, Path] = {}
        for file in files:
            number = _number(file.stem.removesuffix(_WORDS[0]), file)
            if number in seen:
                raise CorpusMismatch(
                    f"{file}: frame {number} stands in {seen[number].name}, too. One folder holds one video."
                )
            seen[number] = file
            content = _json(file)
            if not isinstance(content, dict) or not isinstance(content.get("people"), list):
                raise CorpusMismatch(
                    f'{file}: expected {{"people": [...]}} as OpenPose writes it, found something else.'
                )
            yield number, str(file), content["people"]
        return
    content = _json(path)
    if not (isinstance(content, list) and content and all(isinstance(p, dict) and "image_id" in p for p in content)):
        raise CorpusMismatch(
            f"{path}: expected a list of people with image_id and keypoints, as AlphaPose writes it, found something "
            "else. Of a detector that writes a file a frame give the folder."
        )
    for person in content:
        number = _number(str(person["image_id"]).rpartition(".")[0] or str(person["image_id"]), path)
        yield number, f"{path}, frame {number}", [person]


def _number(text: str, place: Path) -> int:
    """Number of a frame at the end of a name."""
    match = _NUMBER.search(text)
    if not match:
        raise CorpusMismatch(f"{place}: expected the number of its frame in the name ({text!r}), as in walk_000012.")
    return int(match[1])


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise CorpusMismatch(f"{path}: expected the output of a detector, but {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise CorpusMismatch(f"{path}: expected JSON, but {error}. Was it written to its end?") from None


def _points(person: Any, place: str) -> np.ndarray | None:
    """Points (n, 3) of a person; None where the detector wrote none."""
    values = person.get(_POSE, person.get(_LIST)) if isinstance(person, dict) else None
    if values is None:
        raise CorpusMismatch(f"{place}: expected {_POSE} (or {_LIST}) of each person, found neither.")
    if isinstance(values, list) and not values:
        return None
    try:
        array = np.array(values, float)
    except (TypeError, ValueError, OverflowError):
        raise CorpusMismatch(f"{place}: expected x, y and score of each point as numbers, found others.") from None
    if array.ndim != 1 or array.size % 3:
        raise CorpusMismatch(f"{place}: expected x, y and score of each point in a row, found {array.shape} numbers.")
    return array.reshape(-1, 3)
