"""Commands `kinesynth network`: trained networks that are kept: their cards, those that are shipped, and their use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from mocap_import.batch import ExitCode
from mocap_import.progress import track
from training.cli import AsJson, with_reasons
from training.config import ConfigRefused

network_app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Look at trained networks, those that are shipped among them, and use them.",
    epilog="Example: kinesynth network card pretrained:knee",
)
File = Annotated[str, typer.Argument(help="Network (.safetensors, .pt), or pretrained:NAME of a shipped one.")]


@network_app.command("list", epilog="Example: kinesynth network list")
def list_networks(as_json: AsJson = False) -> None:
    """List the networks that come with the package."""

    def run() -> ExitCode:
        from training.shipped_network import PREFIX, shipped_networks
        from training.stored_card import read_card

        rows = []
        for name, path in shipped_networks().items():
            card = read_card(path)
            rows.append({"name": f"{PREFIX}{name}", "network": card["config"]["network"], "rate_hz": card["rate"]})
            rows[-1] |= {"errors_deg": _errors(card["about"])}
            rows[-1] |= {"people": len(card["subjects"]), "bytes": path.stat().st_size, "file": str(path)}
        if as_json:
            typer.echo(json.dumps({"networks": rows}))
        for row in rows if not as_json else ():
            angles = ", ".join(f"{angle} {error:.1f}" for angle, error in row["errors_deg"].items())
            typer.echo(
                f"{row['name']:24} {angles} deg wrong on virtual people; {row['network']}, {row['rate_hz']:g} Hz, "
                f"{row['people']} people taught it"
            )
        return ExitCode.ALL

    with_reasons(run, as_json)


def _errors(about: dict[str, Any]) -> dict[str, float]:
    """Angle that moves in those who taught a network → its raw error (deg) on virtual people held out."""
    own = [row for row in about["errors"] if (row["measure"], row["sensors"]) == ("raw", "as placed")]
    return {row["angle"]: row["mean"] for row in own if about["angles"][row["angle"]] > 0.0}


@network_app.command(epilog="Example: kinesynth network card pretrained:knee; kinesynth network card knee.safetensors")
def card(
    file: File,
    out: Annotated[Path | None, typer.Option(help="Markdown file to write, in the place of the screen.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the model card of a network: purpose, in and out, who taught it, errors, limits, licence.

    All of it stands in the file itself; of a network without an entry the card says so.
    """

    def run() -> ExitCode:
        from mocap_import.durable_file import write_durably
        from training.shipped_network import network_file

        path = network_file(file)
        text, facts = _card_of(path)
        if out is not None:
            write_durably(out, text)
        if as_json:
            typer.echo(json.dumps({"file": str(path), "card": None if out is None else str(out)} | facts))
        else:
            typer.echo(text if out is None else str(out))
        return ExitCode.ALL

    with_reasons(run, as_json)


def _card_of(path: Path) -> tuple[str, dict[str, Any]]:
    """Card of a network, as a page and as plain data, whichever objective taught it."""
    from training.keypoint.keypoint_file import is_keypoint_file
    from training.physics.model_file import is_physics_model, load_physics_model

    if path.exists() and is_keypoint_file(path):
        raise ConfigRefused(
            f"{path}: networks of recipe single-camera carry no card; people.csv and results.md of their run tell who "
            "taught them and how wrong they are."
        )
    if is_physics_model(path):
        from training.physics.model_card import physics_card, physics_facts

        model = load_physics_model(path)
        return physics_card(model, path.stem), physics_facts(model)
    from training.checkpoint import load_checkpoint
    from training.model_card import card_facts, model_card

    checkpoint = load_checkpoint(path)
    return model_card(checkpoint, path.stem), card_facts(checkpoint)


@network_app.command(epilog="Example: kinesynth network joint running.h5 knee.safetensors --joint knee --seed 8")
def joint(
    corpus: Annotated[Path, typer.Argument(help="Corpus (.h5) with inertial records and poses, or a population.")],
    out: Annotated[Path, typer.Argument(help="Network to write (.safetensors); its card (.md) lies beside it.")],
    joint: Annotated[str, typer.Option(help="hip, knee or ankle.")] = "knee",
    network: Annotated[str, typer.Option(help="temporal, published_conv1d or published_lstm.")] = "temporal",
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps; default: the recipe's.")] = None,
    licence: Annotated[str, typer.Option(help="Of the network; default: what the corpus says.")] = "",
    check: Annotated[
        list[Path] | None, typer.Option(help="Another corpus, whose errors go to the card; may be given again.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, windows, sensor errors and who is held out.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Train one joint model on four fifths of the people of a corpus, and measure it on the others.

    With fewer than ten people one alone is held out, and the errors are those of one person.

    Two sensors in, three angles and two orientations out, by the recipe of Rapp et al. (2021). A training that was
    stopped goes on from its last state.
    """

    def run() -> ExitCode:
        from mocap_import.durable_file import write_durably
        from training.joint.joint_model import learn_joint_model
        from training.joint.recipe import joint_config
        from training.model_card import card_facts, model_card
        from training.sitting import TOLD, sentences_of

        config = joint_config(network, seed=seed, **({} if steps is None else {"steps": steps}))
        with track(config.steps, "Training", shown=False if as_json else None) as bar:
            so_far = 0

            def progress(step: int, _total: int, _loss: float) -> None:
                nonlocal so_far
                bar.advance(step - so_far)
                so_far = step

            options = {"seed": seed, "licence": licence, "check": check or (), "progress": progress}
            made = learn_joint_model(corpus, joint, out, config, **options)
        told = {key: made.about[key] for key in TOLD if key in made.about}
        for sentence in sentences_of(told) if not as_json else ():
            typer.echo(sentence, err=True)
        text, beside = model_card(made, out.stem), out.with_suffix(".md")
        write_durably(beside, text)
        told |= {"network": str(out), "card": str(beside)}
        typer.echo(json.dumps(told | card_facts(made)) if as_json else f"{text}\n{out}, {beside}")
        return ExitCode.ALL

    with_reasons(run, as_json)


@network_app.command(
    "apply",
    epilog="Example: kinesynth network apply pretrained:knee walking.h5 knee.csv; "
    "kinesynth network apply networks.pt keypoints.csv answers.csv --stature 1.72",
)
def apply_network(
    file: File,
    corpus: Annotated[
        Path,
        typer.Argument(
            help="Corpus (.h5) of people whose labels did not teach it; or keypoints (.csv, folder of JSON)."
        ),
    ],
    out: Annotated[
        Path, typer.Argument(help="Angles, answers to write (.csv); of other networks a corpus of estimates (.h5).")
    ],
    rate: Annotated[float | None, typer.Option(help="Keypoints: frames a second, where no column time.")] = None,
    stature: Annotated[float | None, typer.Option(help="Keypoints: stature in m, where no column stature.")] = None,
    person: Annotated[str, typer.Option(help="Keypoints of a detector: who it is.")] = "",
    measured: Annotated[
        Path | None, typer.Option(help="Keypoints: CSV of person, trial, stature, treadmill, measured speed, ...")
    ] = None,
    least_score: Annotated[
        float | None, typer.Option(help="Keypoints: least score of a point that counts as seen; default 0.3.")
    ] = None,
    waves: Annotated[
        Path | None, typer.Option(help="Keypoints: angles, forces and activations to write (.csv).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Estimate the trials of a corpus with a network, or gait parameters of somebody's own keypoints.

    A joint model writes a row a frame, in degrees, and beside it OUT_errors.csv with the errors where the corpus knows
    the angles; both legs where there are sensors. Any other network, label-free ones of both kinds among them, writes a
    corpus of estimates for `kinesynth evaluate`. Records are those of the corpus, its sensor errors included. A trial
    without a frame in which all sensors have a value is refused; stretches without one are named. Exit code 3 if some
    trials were refused, 4 if all.

    Networks of recipe single-camera (networks.pt) read 2-D keypoints of one camera beside the walk: a CSV, or what
    OpenPose, RTMPose and AlphaPose write. OUT is a row a clip and quantity, in SI, with 90 % intervals.
    """

    def run() -> ExitCode:
        from training.keypoint.keypoint_command import KeypointWish, apply_keypoints, refuse_keypoints
        from training.keypoint.keypoint_file import is_keypoint_file
        from training.sensor_command import apply_to_sensors
        from training.shipped_network import network_file

        path = network_file(file)
        wish = KeypointWish(rate, stature, person, measured, least_score, waves)
        if is_keypoint_file(path):
            return apply_keypoints(path, corpus, out, wish, as_json)
        wish.refuse_idle()
        refuse_keypoints(file, corpus)
        return apply_to_sensors(path, corpus, out, as_json)

    with_reasons(run, as_json)
