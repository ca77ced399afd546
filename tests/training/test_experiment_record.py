"""A run's folder says what was trained, with what and how it went, and nothing about the machine or its user."""

import getpass
import json
import re
import socket
import struct
from importlib import metadata

import pytest
from tensorboardX.crc32c import crc32c
from tensorboardX.proto.event_pb2 import Event

from synth.corpus import Corpus, CorpusMismatch
from synth.corpus.provenance import file_hash
from training.config import OUTPUT_KINDS, resolve_config
from training.csv_table import read_csv
from training.leave_one_out import leave_one_subject_out
from training.loop import train
from training.run_folder import CARD, RunFolder, open_run, read_run_card, without_folders
from training.step_record import StepRecord
from training.training_set import read_training_set

QUICK = {"width": 8, "steps": 6, "batch": 4}
METRICS = ["loss", *(f"loss_{kind}" for kind in OUTPUT_KINDS), "learning_rate", "gradient_norm", "seconds"]


@pytest.fixture(scope="module")
def run(walking_corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("record") / "networks"
    leave_one_subject_out(walking_corpus, folder, {"conv1d": resolve_config(QUICK | {"seed": 4})})
    return folder


def masked(data):
    """The checksum of an event file, by its definition."""
    value = crc32c(data)
    return (((value >> 15) | (value << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def read_events(path):
    """Every event of a file, its checksums proven."""
    data, events = path.read_bytes(), []
    while data:
        head, (size, check) = data[:8], struct.unpack("<QI", data[:12])
        assert check == masked(head)
        body = data[12 : 12 + size]
        assert struct.unpack("<I", data[12 + size : 16 + size])[0] == masked(body)
        events.append(Event.FromString(body))
        data = data[16 + size :]
    return events


def test_the_card_holds_configuration_seed_versions_and_corpus(run, walking_corpus):
    entry = read_run_card(run)["methods"]["conv1d"]
    assert resolve_config(entry["config"]) == resolve_config(QUICK | {"seed": 4})
    assert entry["seed"] == 4
    assert entry["corpus"] == {"name": "reference.h5", "sha256": file_hash(walking_corpus)}
    assert entry["versions"]["torch"] == metadata.version("torch")
    assert entry["subjects"] == ["S01", "S02", "S03", "S04"]


def test_every_step_of_every_fold_is_in_the_table_and_in_the_event_file(run):
    for subject in ("S01", "S02", "S03", "S04"):
        table = read_csv(run / "metrics" / "conv1d" / f"{subject}.csv", ["step", *METRICS, "time"])
        assert table["step"].tolist() == [1, 2, 3, 4, 5, 6]
        (file,) = (run / "events" / "conv1d" / subject).iterdir()
        head, *events = read_events(file)
        assert head.file_version == "brain.Event:2"
        assert [event.step for event in events] == table["step"].tolist()
        for row, event in zip(table.to_dict("records"), events, strict=True):
            values = {value.tag: value.simple_value for value in event.summary.value}
            assert list(values) == METRICS
            assert values["loss"] == pytest.approx(row["loss"], rel=1e-6)
    assert table["loss"].to_numpy() == pytest.approx(table[METRICS[1:5]].mean(axis=1).to_numpy(), rel=1e-6)


def test_the_log_tells_what_happened_in_order(run):
    lines = (run / "log.txt").read_text(encoding="utf-8").splitlines()
    assert "began: conv1d; leave one subject out; 4 subjects; corpus reference.h5" in lines[0]
    assert [line.split()[1] for line in lines[1:5]] == [f"conv1d/S0{n}:" for n in (1, 2, 3, 4)]
    assert "4 of 4 folds trained" in lines[5]


def test_no_machine_user_or_folder_is_named(run, tmp_path):
    words = {str(run.parent), f"/home/{getpass.getuser()}", f"{getpass.getuser()}@"}
    files = [path for path in run.rglob("*") if path.is_file()]
    assert {path.name for path in files if "tfevents" in path.name} == {"events.out.tfevents.1"}
    for path in files:
        for word in words:
            assert word.encode() not in path.read_bytes(), f"{path.name} names {word}"
        if path.suffix in (".json", ".txt", ".csv"):
            assert socket.gethostname() not in re.findall(r"[\w.-]+", path.read_text(encoding="utf-8"))
    RunFolder(tmp_path).log(f"S01: failed: [Errno 13] Permission denied: '{tmp_path}/deep/fold.safetensors'\nagain")
    assert str(tmp_path) not in (line := (tmp_path / "log.txt").read_text(encoding="utf-8"))
    assert line.endswith("'fold.safetensors' again\n")
    assert without_folders(r"no C:\Users\me\x.h5: no") == "no x.h5: no"
    assert without_folders("conv1d/S01: 3 m/s, 1/2") == "conv1d/S01: 3 m/s, 1/2"


def test_the_record_goes_on_with_a_training_that_goes_on(walking_corpus, tmp_path):
    data = read_training_set(Corpus(walking_corpus), ["S01"], OUTPUT_KINDS)
    config = resolve_config(QUICK)

    def record(name):
        return RunFolder(tmp_path).steps_of("conv1d", name)

    def stop(step, n, loss):
        if step == 5:
            raise SystemError

    train(data, config, record=record("whole"))
    with pytest.raises(SystemError):
        train(data, config, path=tmp_path / "x.safetensors", save_every=2, record=record("cut"), progress=stop)
    # A kill may leave later steps and half a row behind.
    table = tmp_path / "metrics" / "conv1d" / "cut.csv"
    with table.open("a", encoding="utf-8") as file:
        file.write("6,0.5,0.5,0.5,0.5,0.5,0.1,1.0,3.0,9.0\n7,0.2,0.")
    train(data, config, path=tmp_path / "x.safetensors", record=record("cut"))
    one, other = (read_csv(tmp_path / "metrics" / "conv1d" / f"{name}.csv") for name in ("whole", "cut"))
    assert one.drop(columns=["seconds", "time"]).equals(other.drop(columns=["seconds", "time"]))
    steps = [event.step for event in read_events(tmp_path / "events" / "conv1d" / "cut" / "events.out.tfevents.1")]
    assert steps == [0, 1, 2, 3, 4, 5, 6]
    assert other["time"].is_monotonic_increasing
    assert other["seconds"].is_monotonic_increasing


def test_a_record_that_begins_anew_forgets_the_earlier_one(tmp_path):
    for n_steps in (3, 1):
        record = StepRecord(tmp_path / "x.csv", tmp_path / "events")
        record.begin(0)
        for step in range(1, n_steps + 1):
            record.write(step, {"loss": 0.1 * step})
        record.close()
    assert read_csv(tmp_path / "x.csv")["step"].tolist() == [1]


def test_other_methods_of_the_folder_keep_their_entries_and_a_damaged_card_is_refused(walking_corpus, tmp_path):
    for name in ("conv1d", "lstm"):
        open_run(tmp_path, walking_corpus, {name: resolve_config({"network": name})}, ["S01"], "all subjects")
    assert list(read_run_card(tmp_path)["methods"]) == ["conv1d", "lstm"]
    for text, message in (("{", "Remove it"), (json.dumps({"format_version": 9, "methods": {}}), "version 1, found 9")):
        (tmp_path / CARD).write_text(text, encoding="utf-8")
        with pytest.raises(CorpusMismatch, match=message):
            open_run(tmp_path, walking_corpus, {}, [], "all subjects")
