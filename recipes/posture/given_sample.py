"""Given samples: tables, strides and answers of a user are looked at before anything is made of them."""

from __future__ import annotations

from pathlib import Path

from recipes.posture.settings import PostureSettings
from synth.corpus.schema import CorpusMismatch
from training.config import ConfigRefused


def check_given(settings: PostureSettings) -> None:
    """Refuse what would be found out after the training; what is not there at all `settings.outside_files` refuses.

    Raises
    ------
    CorpusMismatch
        `curves` holds no strides, `table` is no table of samples, or a file of `ratings` holds no answers.
    ConfigRefused
        `ratings` holds no file of answers, or no table has the column that was chosen to be estimated.
    """
    columns = _columns(settings)
    if "estimated" in settings.model_fields_set and not any(settings.estimated in own for own in columns.values()):
        known = "; ".join(f"{name}: {', '.join(own) or 'none'}" for name, own in columns.items())
        raise ConfigRefused(
            f"setting estimated: no table has a column {settings.estimated}, expected a column of numbers ({known}). "
            "Choose one, or add it to your table."
        )
    if settings.ratings and Path(settings.ratings).is_dir():
        _check_answers(Path(settings.ratings))


def _columns(settings: PostureSettings) -> dict[str, list[str]]:
    """Setting → columns that could be estimated."""
    from recipes.posture.samples import STRIDE_FACTS
    from synth.spine.spine_posture import CONDITIONS
    from synth.strides.stride_table import read_runners, stride_files
    from training.generative.sample_table import read_sample_table

    found: dict[str, list[str]] = {"spine": list(CONDITIONS)} if settings.spine else {}
    if settings.curves and Path(settings.curves).is_dir():
        try:
            stride_files(Path(settings.curves))
            read_runners(Path(settings.curves))
        except CorpusMismatch as problem:
            raise CorpusMismatch(f"setting curves: {problem}") from None
        found["curves"] = list(STRIDE_FACTS)
    if settings.table and Path(settings.table).is_file():
        try:
            found["table"] = [str(name) for name in read_sample_table(Path(settings.table)).conditions.columns]
        except CorpusMismatch as problem:
            raise CorpusMismatch(f"setting table: {problem}") from None
    return found


def _check_answers(folder: Path) -> None:
    """Refuse a folder without answers, or with something else."""
    from training.report.rating import stored_answers

    files = [file for file in sorted(folder.glob("*.json")) if not file.name.endswith(".key.json")]
    if not files:
        raise ConfigRefused(
            f"setting ratings: {folder} holds no answers (*.json). Open rating.html of a finished run in a browser, "
            "judge the curves, export the answers into that folder, and give it then."
        )
    for file in files:
        try:
            stored_answers(file)
        except CorpusMismatch as problem:
            raise CorpusMismatch(f"setting ratings: {problem}") from None
