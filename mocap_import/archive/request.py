"""Archive request: what an import was asked for, and what of it can be refused before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mocap_import.archive.file import check_out_place
from mocap_import.archive.identity_key import check_key_place
from mocap_import.archive.participants import assumed_format, read_participants
from mocap_import.archive.plan import check_settings
from mocap_import.archive.quarantine import check_quarantine_place
from mocap_import.subject import Subject


@dataclass(frozen=True)
class ArchiveRequest:
    """What is asked of one import; see `archive.run.convert_archive` for each.

    Attributes
    ----------
    archive, out : Path
    marker_set : str or Path, optional
    participants : Path, optional
    belt_speed : float, optional
        m/s.
    unit, axes, reader, emg
        As in `read_trial`.
    codes : str
    subject_folder : int, optional
    key, quarantine : Path, optional
    add, verify, retry : bool
    """

    archive: Path
    out: Path
    marker_set: str | Path | None
    participants: Path | None
    belt_speed: float | None
    unit: str | None
    axes: str | None
    reader: str
    emg: bool
    codes: str
    subject_folder: int | None
    key: Path | None
    quarantine: Path | None
    add: bool
    verify: bool
    retry: bool

    def check(self) -> None:
        """Refuse wrong words and places.

        Raises
        ------
        TrialRefused
        """
        check_settings(self.unit, self.axes, self.reader, self.codes, self.belt_speed, self.subject_folder)
        check_out_place(self.out, self.archive)
        for place, check in ((self.key, check_key_place), (self.quarantine, check_quarantine_place)):
            if place is not None:
                check(Path(place), self.out, self.archive)

    def settings(self, marker_set: str | None) -> dict[str, Any]:
        """What shapes the trial of every file, with the place of the marker set that is used."""
        settings: dict[str, Any] = {"out": str(self.out), "belt_speed": self.belt_speed, "unit": self.unit}
        settings |= {"axes": self.axes, "reader": self.reader, "codes": self.codes, "marker_set": marker_set}
        return settings | ({"emg": True} if self.emg else {})

    def people_told(self) -> tuple[dict[str, Subject], list[str]]:
        """Subjects of the participants table, and how it was read if that had to be guessed; empty without a table."""
        place = self.participants or self.archive / "participants.csv"
        subjects = read_participants(place) if self.participants or place.is_file() else {}
        guessed = assumed_format(place) if subjects else ""
        return subjects, [guessed] if guessed else []
