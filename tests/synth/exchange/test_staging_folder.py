"""An export that was killed leaves nothing after the next one, and nobody's folder goes while its maker lives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from synth.corpus.schema import CorpusMismatch
from synth.exchange.bids_motion import write_bids
from synth.exchange.corpus_files import export_corpus
from synth.exchange.staging_folder import leftovers, staging_folder

CHILD = """
import sys, time
from pathlib import Path
from synth.exchange.staging_folder import staging_folder
with staging_folder(Path(sys.argv[1]), sys.argv[2]) as folder:
    (folder / "half.csv").write_text("half")
    print(folder.name, flush=True)
    time.sleep(120)
"""


@pytest.fixture
def begun(repository):
    """Begin an export in another process; gives the process and the name of its folder."""
    children = []

    def begin(parent: Path, prefix: str) -> tuple[subprocess.Popen, str]:
        environment = {**os.environ, "PYTHONPATH": str(repository)}
        command = [sys.executable, "-c", CHILD, str(parent), prefix]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        children.append(child)
        return child, child.stdout.readline().strip()

    yield begin
    for child in children:
        child.kill()
        child.wait()


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def test_what_a_killed_run_left_goes_at_the_next_and_what_a_living_one_uses_stays(tmp_path, begun):
    (tmp_path / ".tables-of-mine").mkdir()
    child, name = begun(tmp_path, ".tables-")
    with staging_folder(tmp_path, ".tables-") as folder:
        assert hidden(tmp_path) == sorted([name, folder.name, ".tables-of-mine"])
    assert hidden(tmp_path) == sorted([name, ".tables-of-mine"])
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert hidden(tmp_path) == sorted([name, ".tables-of-mine"])
    with staging_folder(tmp_path, ".tables-"):
        pass
    assert hidden(tmp_path) == [".tables-of-mine"]


def test_tables_and_data_sets_are_exported_over_the_leftovers(tmp_path, corpus_file, begun):
    out = tmp_path / "out"
    out.mkdir()
    for parent, prefix in ((out, ".tables-"), (tmp_path, ".bids-new-")):
        child, _ = begun(parent, prefix)
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert len(leftovers(out, ".tables-")) == len(leftovers(tmp_path, ".bids-new-")) == 1
    export_corpus(corpus_file, out, ("csv",))
    write_bids(corpus_file, tmp_path / "bids")
    assert hidden(out) == []
    assert hidden(tmp_path) == []
    assert (tmp_path / "bids" / "dataset_description.json").is_file()


def test_a_data_set_that_a_kill_left_aside_gets_its_name_again(tmp_path, corpus_file):
    out = tmp_path / "bids"
    write_bids(corpus_file, out, name="first")
    aside = tmp_path / ".bids-old-abcd1234"
    aside.mkdir()
    out.replace(aside / "bids")  # killed here, before the new one had its name
    with pytest.raises(CorpusMismatch, match="--overwrite"):
        write_bids(corpus_file, out, name="second")
    assert '"first"' in (out / "dataset_description.json").read_text(encoding="utf-8")
    assert hidden(tmp_path) == []
