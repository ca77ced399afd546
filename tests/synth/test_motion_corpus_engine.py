"""A motion corpus made on a Dask cluster, one of whose workers is killed, has the bytes of one made here."""

import sys
import threading
import time
from pathlib import Path

from mocap_import.engine import open_engine
from synth.corpus import ImuErrors
from synth.motion_corpus import build_motion_corpus
from synth.record_settings import RecordSettings

sys.path.insert(0, str(Path(__file__).parent))
from made_archive import write_person


def test_a_killed_worker_changes_no_byte(tmp_path, dask_scheduler, dask_killer):
    for code in ("S01", "S02", "S03"):
        write_person(tmp_path, code)
    trials, motion, settings = tmp_path / "trials", tmp_path / "motion", RecordSettings(ImuErrors(seed=7))
    here = build_motion_corpus(trials, motion, tmp_path / "here.h5", settings)
    killer = threading.Thread(target=lambda: (time.sleep(0.5), dask_killer()))
    killer.start()
    with open_engine("dask", scheduler=dask_scheduler) as engine:
        there = build_motion_corpus(trials, motion, tmp_path / "there.h5", settings, engine=engine)
    killer.join()
    assert (tmp_path / "here.h5").read_bytes() == (tmp_path / "there.h5").read_bytes()
    assert list(here.status) == list(there.status)
    assert not (tmp_path / "there.h5.parts").exists()
