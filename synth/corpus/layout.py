"""The layout of a corpus as one table: every group, array, text and attribute, with type, shape, unit, frame and mask.

The tree on the page ``docs/corpus.md``, the machine-readable schema (``kinesynth corpus schema``) and the check of
files come from this table. Reader and writer are code of their own (`synth.corpus.reader`, `synth.corpus.encoding`): a
generic one would be slower, and the check of what the writer wrote is a second path to the same words.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from synth.corpus.schema import (
    CHANNEL_UNITS,
    CHANNELS,
    GROUND_FRAME,
    MISSING,
    SCHEMA_NAME,
    SEGMENT_FRAME,
    SENSOR_FRAME,
    SOLUTION_UNITS,
)

BY_COORDINATE = "rad or m, one a column"
BY_FORCE = "N.m or N, one a column"
BY_NAME = "SI, one a value"
"""Units that depend on the names of the columns."""

SUBJECT, TRIAL = "subjects/<subject>", "subjects/<subject>/trials/<trial>"
_SEGMENT_SHAPE = ("n_frames", "n_segments", "3")
PLATE = f"{TRIAL}/kinetics/ground_reactions/<number>"


@dataclass(frozen=True)
class Entry:
    """One group, array, text or attribute of a corpus.

    Attributes
    ----------
    path : str
        From the root; ``<...>`` stands for any name, ``@`` begins the name of an attribute.
    dtype : str
        ``"group"``, ``"text"`` (UTF-8), ``"bool"``, ``"f4"``, ``"f8"`` (little-endian) or ``"integer"``.
    shape : tuple of str
        Lengths, by name or number; ``()`` a single value.
    units : str or tuple of str
        Attribute ``units`` of an array, or ``<name>_unit`` beside an attribute; ``""`` without.
    frame : str
        Attribute ``frame`` of an array; ``""`` without.
    mask : tuple of str
        Shape of its mask ``<name>_mask``; ``()`` without.
    attributes : dict of str to (str, tuple of str or None)
        Further attributes of an array and what they say; None: names of its columns.
    required : bool
        Wherever the group that it is in is there.
    since : int
        First schema version that has it.
    meaning : str
    """

    path: str
    dtype: str
    meaning: str
    shape: tuple[str, ...] = ()
    units: str | tuple[str, ...] = ""
    frame: str = ""
    mask: tuple[str, ...] = ()
    attributes: dict[str, str | tuple[str, ...] | None] = field(default_factory=dict)
    required: bool = True
    since: int = 1

    @property
    def is_attribute(self) -> bool:
        """Whether it is an attribute of a group."""
        return "@" in self.path

    @property
    def parent(self) -> str:
        """Path of the group that holds it; ``""`` for the root."""
        return self.path.partition("@")[0] if self.is_attribute else self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.path.rpartition("@" if self.is_attribute else "/")[2]


def _group(path: str, meaning: str, **facts: object) -> Entry:
    return Entry(path, "group", meaning, **facts)


def _texts(path: str, length: str, meaning: str, **facts: object) -> Entry:
    return Entry(path, "text", meaning, shape=(length,), **facts)


def _masked(path: str, columns: str, units: str, meaning: str, frame: str = "", **facts: object) -> Entry:
    shape = ("n_frames", columns) if columns else ("n_frames",)
    return Entry(path, "f8", meaning, shape=shape, units=units, frame=frame, mask=shape, **facts)


_ROOT = (
    Entry("@schema", "text", SCHEMA_NAME),
    Entry("@schema_version", "integer", ""),
    Entry("@role", "text", "motion, reference, baseline or prediction"),
    Entry("@ground_frame", "text", GROUND_FRAME),
    Entry("@missing", "text", MISSING),
    Entry("provenance", "text", "JSON: versions, seed, config, sources (name → SHA-256)"),
    Entry("splits", "text", "JSON: list of {name, train, validation, test} of subject codes"),
    _group("skeletons", "models behind the coordinates", required=False, since=2),
    Entry(
        "skeletons/<SHA-256>", "text", "JSON as `kinesynth motion` writes it, without blanks", required=False, since=2
    ),
    _group("subjects", ""),
    _group(SUBJECT, "", required=False),
    Entry(f"{SUBJECT}@mass", "f8", "", units="kg"),
    Entry(f"{SUBJECT}@height", "f8", "", units="m"),
    Entry(f"{SUBJECT}@age", "f8", "", units="yr"),
    Entry(f"{SUBJECT}@sex", "text", ""),
    _group(f"{SUBJECT}/trials", ""),
)

_TRIAL = (
    _group(TRIAL, "", required=False),
    Entry(f"{TRIAL}@rate", "f8", "", units="Hz"),
    Entry(f"{TRIAL}@n_frames", "integer", ""),
    Entry(f"{TRIAL}@task", "text", ""),
    Entry(f"{TRIAL}@belt_speed", "f8", "", units="m/s"),
    Entry(f"{TRIAL}@status", "text", ""),
    Entry(f"{TRIAL}@source", "text", ""),
    Entry(f"{TRIAL}@source_hash", "text", ""),
    Entry(f"{TRIAL}@seconds", "f8", "CPU time to make it", units="s"),
    Entry(f"{TRIAL}@start_time", "f8", "of the first frame on its source's clock", units="s", since=2),
    Entry(f"{TRIAL}@session", "text", "day or visit", since=2),
    Entry(f"{TRIAL}@skeleton", "text", "its SHA-256; empty without", since=2),
    Entry(f"{TRIAL}/reason", "text", "why it was refused"),
    _group(f"{TRIAL}/imu", "", required=False),
    Entry(f"{TRIAL}/imu@errors", "text", "JSON: the recipe; absent: none", required=False),
    Entry(
        f"{TRIAL}/imu/records",
        "f4",
        "specific force x y z, angular velocity x y z",
        ("n_frames", "n_sensors", "6"),
        CHANNEL_UNITS,
        SENSOR_FRAME,
        ("n_frames", "n_sensors", "2"),
        {"channels": CHANNELS},
    ),
    _texts(f"{TRIAL}/imu/sensors", "n_sensors", ""),
    _texts(f"{TRIAL}/imu/segments", "n_sensors", ""),
    Entry(f"{TRIAL}/imu/offsets", "f8", "", ("n_sensors", "3"), "m", SEGMENT_FRAME),
    Entry(
        f"{TRIAL}/imu/mountings",
        "f8",
        "unit quaternion w x y z, sensor → segment",
        ("n_sensors", "4"),
        "1",
        attributes={"components": "w x y z", "direction": "sensor to segment"},
    ),
    _group(f"{TRIAL}/kinematics", "", required=False),
    _masked(f"{TRIAL}/kinematics/values", "n_coordinates", BY_COORDINATE, ""),
    _texts(f"{TRIAL}/kinematics/coordinates", "n_coordinates", ""),
    _group(f"{TRIAL}/kinetics", "", required=False),
    _masked(f"{TRIAL}/kinetics/generalized_forces", "n_coordinates", BY_FORCE, ""),
    _texts(f"{TRIAL}/kinetics/coordinates", "n_coordinates", ""),
    _masked(f"{TRIAL}/kinetics/activations", "n_muscles", "1", "0 to 1", required=False),
    _texts(f"{TRIAL}/kinetics/muscles", "n_muscles", "", required=False),
    _group(f"{TRIAL}/kinetics/ground_reactions", ""),
    _group(PLATE, "on the subject", required=False),
    Entry(f"{PLATE}@foot", "text", ""),
    Entry(f"{PLATE}@name", "text", ""),
    _masked(f"{PLATE}/force", "3", "N", "", GROUND_FRAME),
    _masked(f"{PLATE}/centre_of_pressure", "3", "m", "", GROUND_FRAME),
    _masked(f"{PLATE}/free_moment", "", "N.m", "about the vertical", GROUND_FRAME),
    _group(f"{TRIAL}/emg", "", required=False),
    Entry(f"{TRIAL}/emg@recipe", "text", "how the envelopes were made"),
    _masked(f"{TRIAL}/emg/envelopes", "n_channels", "1", ""),
    _texts(f"{TRIAL}/emg/channels", "n_channels", "label in the recording"),
    _texts(f"{TRIAL}/emg/muscles", "n_channels", "empty where the label does not tell"),
    _texts(f"{TRIAL}/emg/sides", "n_channels", ""),
    _group(f"{TRIAL}/segments", "poses of six degrees of freedom", required=False, since=2),
    _texts(f"{TRIAL}/segments/names", "n_segments", ""),
    Entry(f"{TRIAL}/segments/origins", "f8", "", _SEGMENT_SHAPE, "m", GROUND_FRAME, _SEGMENT_SHAPE),
    Entry(
        f"{TRIAL}/segments/orientations",
        "f8",
        "unit quaternion w x y z, segment → ground",
        (*_SEGMENT_SHAPE[:2], "4"),
        "1",
        mask=(*_SEGMENT_SHAPE[:2], "4"),
        attributes={"components": "w x y z", "direction": "segment to ground"},
    ),
    _group(f"{TRIAL}/events", ""),
    Entry(f"{TRIAL}/events/time", "f8", "after the first frame", ("n_events",), "s"),
    _texts(f"{TRIAL}/events/foot", "n_events", ""),
    _texts(f"{TRIAL}/events/kind", "n_events", ""),
    _texts(f"{TRIAL}/events/source", "n_events", ""),
    _group(f"{TRIAL}/treatments", "what was repaired or assumed"),
    _texts(f"{TRIAL}/treatments/what", "n_treatments", ""),
    _texts(f"{TRIAL}/treatments/detail", "n_treatments", ""),
    Entry(f"{TRIAL}/spatiotemporal", "f8", "", ("n_parameters",), BY_NAME, attributes={"names": None}),
    Entry(
        f"{TRIAL}/solutions",
        "f8",
        "one row a solution",
        ("n_solutions", str(len(SOLUTION_UNITS))),
        tuple(SOLUTION_UNITS.values()),
        attributes={"names": tuple(SOLUTION_UNITS)},
        required=False,
        since=2,
    ),
)

LAYOUT: tuple[Entry, ...] = (*_ROOT, *_TRIAL)
