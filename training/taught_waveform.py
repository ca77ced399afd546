"""Taught waveform: the mean waveform of one corpus's persons laid over the cycles of another's.

The bar for a person who is alone in a corpus of real recordings: virtual or other real persons tell what is usual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from synth.corpus import Corpus
from synth.corpus.provenance import file_hash
from training.config import OUTPUT_KINDS
from training.estimate import write_predictions
from training.leave_one_out import labelled_subjects
from training.mean_waveform import METHOD, fit_mean_waveform, place_mean_waveform, read_trials
from training.namesake import are_strangers


def predict_taught_waveforms(
    corpus: Path, teacher: Path, out: Path, kinds: Sequence[str] = OUTPUT_KINDS, method: str = METHOD
) -> Path:
    """Estimate every person of a corpus by the mean waveform of another corpus.

    Parameters
    ----------
    corpus : Path
        Whose cycles are estimated; its foot strikes say when.
    teacher : Path
        Corpus of labels; persons of the same code are left out of the mean, unless they are mere `namesake`s.
    out : Path
        The corpus of estimates to write.
    kinds : sequence of str
    method : str
        `training.mean_waveform.METHOD` or `BOUND`.

    Returns
    -------
    Path
        `out`.
    """
    reader, taught = Corpus(corpus), Corpus(teacher)
    subjects = [s.code for s in reader.subjects()]
    strangers = are_strangers(corpus, teacher)
    others = [s for s in labelled_subjects(taught) if strangers or s not in set(subjects)]
    mean = fit_mean_waveform(read_trials(taught, others), kinds, method)
    mean = replace(mean, subjects=()) if strangers else mean  # none of them, though codes are alike
    used = {"trials": mean.n_labelled_trials, "frames": mean.n_labelled_frames}
    return write_predictions(
        corpus,
        out,
        lambda trial: place_mean_waveform(mean, trial),
        subjects=subjects,
        source=method,
        config={
            "method": method,
            "outputs": list(kinds),
            "labels_used": dict.fromkeys(subjects, used),
            "taught_by": {"file": teacher.name, "sha256": file_hash(teacher)},
        },
        seed=0,
    )
