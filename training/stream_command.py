"""Command `kinesynth stream`: a causal network frame by frame on one CPU thread, its latency, and a live view."""

from __future__ import annotations

import contextlib
import json
import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mocap_import.batch import ExitCode, exit_code
from synth.corpus.schema import CorpusMismatch
from training.cli import AsJson, with_reasons

if TYPE_CHECKING:
    import numpy as np

    from synth.corpus import Corpus, CorpusTrial

stream_app = typer.Typer(add_completion=False, rich_markup_mode=None)


@stream_app.command(
    epilog="Example: kinesynth stream networks/lstm.safetensors walking.h5 --out streamed.h5; "
    "kinesynth stream lstm.onnx walking.h5 --trial S01/walk_01 --live"
)
def stream(
    network: Annotated[Path, typer.Argument(help="Network of `kinesynth train` (.safetensors), or exported (.onnx).")],
    corpus: Annotated[Path | None, typer.Argument(help="Corpus (.h5) whose records are replayed.")] = None,
    out: Annotated[Path | None, typer.Option(help="Corpus of estimates to write (.h5).")] = None,
    export: Annotated[Path | None, typer.Option(help="Write the network for streaming (.onnx).")] = None,
    trial: Annotated[str, typer.Option(help="SUBJECT/NAME; default: all trials, with --live the first.")] = "",
    live: Annotated[bool, typer.Option("--live", help="Watch the skeleton move in the browser, in real time.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of the local page; 0 = any free one.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the browser at the page.")] = True,
    as_json: AsJson = False,
) -> None:
    """Replay records through a network: one frame in, one frame out, on one CPU thread without PyTorch.

    Prints how long a frame takes. Only causal networks can do this: train with network = "lstm" and
    bidirectional = false, or without labels (--objective physics); such a network finds how leg sensors are turned
    on the first strides, and says nothing before. Estimates are written as a corpus, which `kinesynth evaluate` scores
    like any other.
    """

    def run() -> ExitCode:
        with tempfile.TemporaryDirectory() as folder:
            if corpus is None and export is None:
                raise CorpusMismatch(f"{network}: expected a corpus to replay, or --export FILE to write the network.")
            if corpus is None and (out or trial or live):
                raise CorpusMismatch("--out, --trial and --live are of a corpus: name it after the network.")
            if live and out:
                raise CorpusMismatch("--live shows one trial and writes nothing: leave out --live or --out.")
            exported = _exported(network, export, Path(folder))
            if corpus is None:
                typer.echo(json.dumps({"network": str(export)}) if as_json else str(export))
                return ExitCode.ALL
            if live:
                return _watch(exported, corpus, trial, port, browser=browser)
            return _replay(exported, corpus, trial, out, as_json=as_json)

    with_reasons(run, as_json)


def _exported(network: Path, export: Path | None, folder: Path) -> Path:
    """The network as .onnx; one that is exported already is copied."""
    if not network.is_file():
        raise CorpusMismatch(f"{network}: no such network; expected a file of `kinesynth train` or of --export.")
    if network.suffix == ".onnx":
        if export is None:
            return network
        from mocap_import.durable_file import write_durably
        from training.stream.network_file import open_network

        open_network(network)  # not whatever bears the name
        write_durably(export, network.read_bytes())
        return export
    from training.physics.model_file import is_physics_model

    out = export or folder / f"{network.stem}.onnx"
    if is_physics_model(network):
        from training.physics.model_file import load_physics_model
        from training.stream.exported_physics import export_physics

        return export_physics(load_physics_model(network), out)
    from training.checkpoint import load_checkpoint
    from training.stream.exported_network import export_network

    return export_network(load_checkpoint(network), out)


def _replay(network: Path, corpus: Path, trial: str, out: Path | None, *, as_json: bool) -> ExitCode:
    from synth.corpus import Corpus
    from synth.corpus.provenance import file_hash
    from training.estimate import write_predictions
    from training.stream.estimator import Estimator
    from training.stream.network_file import network_kind
    from training.stream.replay import SOURCE, WAITS, AnyEstimator, estimator_for, replay
    from training.window import sensor_names

    reader = Corpus(corpus)
    keys = _keys(reader, trial)
    times: list[np.ndarray] = []
    remarks: list[str] = []

    mark = file_hash(corpus)
    opened: dict[tuple[str, ...], AnyEstimator] = {}

    def estimator_of(entry: CorpusTrial) -> AnyEstimator:
        key = sensor_names(entry)
        if key not in opened:
            estimator = estimator_for(network, entry, mark)
            estimator.warm_up()
            if not isinstance(estimator, Estimator):  # of this person
                return estimator
            opened[key] = estimator
        return opened[key]

    def estimate(entry: CorpusTrial) -> CorpusTrial:
        where = f"{entry.subject.code}/{entry.name}"
        try:
            estimator = estimator_of(entry)
            made, latency = replay(estimator, entry)
        except CorpusMismatch as error:
            remarks.append(f"{where}: refused: {error}")
            raise
        times.append(latency.seconds)
        remarks.extend(f"{where}: {sentence}" for sentence in estimator.findings)
        return made

    if out is not None:
        people = {subject for subject, _ in keys}
        config = {"network": file_hash(network), "waits_for": WAITS[network_kind(network)]}
        write_predictions(corpus, out, estimate, subjects=people, trials=keys, source=SOURCE, config=config, seed=0)
    else:
        for key in keys:
            with contextlib.suppress(CorpusMismatch):  # it is among the remarks
                estimate(reader.read(*key))
    _tell(len(times), len(keys) - len(times), times, remarks, out, as_json=as_json)
    return exit_code(len(times), len(keys) - len(times))


def _tell(
    n_done: int, n_refused: int, times: list[np.ndarray], remarks: list[str], out: Path | None, *, as_json: bool
) -> None:
    import numpy as np

    from training.stream.latency import Latency

    counts = {"estimated": n_done, "refused": n_refused}
    told: dict[str, Any] = counts | {"estimates": None if out is None else str(out), "remarks": remarks}
    latency = Latency(np.concatenate(times)) if times else None
    if latency is not None:
        told["latency_ms"] = {"median": latency.percentile(50), "p99": latency.percentile(99)}
        told["histogram_ms"] = [[low, None if np.isinf(high) else high, n] for low, high, n in latency.histogram()]
    if as_json:
        typer.echo(json.dumps(told))
        return
    for remark in remarks:
        typer.echo(remark, err=True)
    if latency is not None:
        typer.echo(latency.text())
    typer.echo(", ".join(f"{n} {word}" for word, n in counts.items()) + (f", {out}" if out else ""))


def _watch(network: Path, corpus: Path, trial: str, port: int, *, browser: bool) -> ExitCode:
    from opensim_models.generic.catalogue import planar_skeleton
    from synth.corpus import Corpus
    from synth.corpus.provenance import file_hash
    from training.report.viewer.scene_page import write_viewer
    from training.stream.live_server import LiveServer
    from training.stream.replay import empty_scene, estimator_for, figure_frames, refuse_unfit

    reader = Corpus(corpus)
    entry: CorpusTrial = reader.read(*_keys(reader, trial)[0])
    estimator = estimator_for(network, entry, file_hash(corpus))
    refuse_unfit(estimator, entry)
    estimator.warm_up()
    skeleton = entry.skeleton or planar_skeleton(entry.subject)
    with tempfile.TemporaryDirectory() as folder:
        page = write_viewer([empty_scene(entry, skeleton)], Path(folder) / "live.html", live=True).read_bytes()
    with LiveServer(page, lambda: figure_frames(estimator, entry, skeleton), entry.rate, port) as server:
        typer.echo(f"{server.address} shows {entry.subject.code}/{entry.name} as it is estimated; Ctrl-C ends it.")
        if browser:
            webbrowser.open(server.address)
        try:
            server.finished.wait()
        finally:  # Ctrl-C, too
            for sentence in estimator.findings:
                typer.echo(f"{entry.subject.code}/{entry.name}: {sentence}", err=True)
    if server.failure is not None:
        raise server.failure
    return ExitCode.ALL


def _keys(reader: Corpus, trial: str) -> list[tuple[str, str]]:
    keys = reader.trials()
    if not trial:
        return list(keys)
    subject, _, name = trial.partition("/")
    key = (subject, name)
    if key not in keys:
        raise CorpusMismatch(f"--trial {trial}: expected SUBJECT/NAME of the corpus, such as {'/'.join(keys[0])}.")
    return [key]
