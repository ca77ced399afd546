"""Losses by hand: the same values and gradients as their definitions through autograd, for any share of any term."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mocap_import.subject import Subject
from training.physics.adjoint_batch import adjoint_terms
from training.physics.adjoint_term import NAMES, Told
from training.physics.body import scaled_bodies, stacked_bodies
from training.physics.config import PhysicsConfig
from training.physics.estimate import angles_from_segments, n_outputs, shaped_estimate
from training.physics.lesson import LATE, draw_windows, physics_loss, prepare_lesson
from training.physics.loss_term import (
    contact_loss,
    dynamics_loss,
    effort_loss,
    imu_loss,
    limit_loss,
    placement_loss,
    posture_loss,
    sliding_loss,
    temporal_loss,
    transfer_loss,
)
from training.physics.network import channel_statistics, fresh_network
from training.physics.record import PhysicsData, SagittalRecord, body_of
from training.physics.sensor import expected_readings
from training.physics.term_table import term_table

RATE, CONFIG = 100.0, PhysicsConfig()
SENSED = (0, 1, 2, 3, 4, 5, 6)
PEOPLE = (Subject("A", 75.0, 1.80), Subject("B", 48.0, 1.52), Subject("C", 103.0, 1.93))


def batch(frames=7, seed=0, load=0.0):
    """Random raw outputs large enough for every bend, limit and contact, of bodies that are stretched a little."""
    rng = np.random.default_rng(seed)

    def draw(*shape, size=1.0):
        return torch.from_numpy(size * rng.standard_normal(shape))

    bodies = stacked_bodies([body_of(p, torch.float64) for p in PEOPLE])
    share = torch.from_numpy(rng.random((3, frames)))
    share[:, :2] = float("nan")
    raw = draw(3, frames, n_outputs(bodies))
    raw[..., -len(bodies.contact_segments) :] += load
    return {
        "raw": raw,
        "turns": draw(3, 7, size=0.1),
        "places": draw(3, 7, 2, size=0.1),
        "stretches": draw(3, 8, size=0.03),
        "soles": draw(3, 4, 2, size=0.02),
        "tilts": draw(3, frames, 7, size=0.3),
        "pace": draw(3, frames),
        "channels": draw(3, frames, 7, 3, size=5.0),
        "share": share,
        "sd": torch.from_numpy(rng.uniform(1, 5, (7, 3))),
        "bodies": bodies,
    }


LEARNT = ("raw", "turns", "places", "stretches", "soles")


def worn_body(b):
    moved = scaled_bodies(b["bodies"], 1.0 + b["stretches"])
    return type(moved)(**{**vars(moved), "contacts": moved.contacts + b["soles"]})


def defined(b, sensed=SENSED):
    """The terms by their definitions."""
    body, weights = b.get("body") or worn_body(b), CONFIG.weights
    base = angles_from_segments(body, sensed, b["tilts"] - b["turns"].unsqueeze(-2))
    estimate = shaped_estimate(body, b["raw"], base, b["pace"])
    expected = expected_readings(body, estimate.motion, sensed, b["places"], b["turns"])
    terms = {
        "dynamics": dynamics_loss(body, estimate, weights),
        "temporal": temporal_loss(body, estimate, RATE, weights),
        "imu": imu_loss(b["channels"], expected, b["sd"], weights),
        "contact": contact_loss(body, estimate, CONFIG.rounding, weights),
        "effort": effort_loss(body, estimate),
        "limits": limit_loss(body, estimate, weights),
        "sliding": sliding_loss(body, estimate, weights),
        "transfer": transfer_loss(body, estimate, b["share"], weights),
        "posture": posture_loss(body, estimate, sensed, weights),
    }
    return torch.stack([terms[name] for name in NAMES])


def by_hand(b):
    table = term_table(b["bodies"], SENSED, b["sd"], RATE, CONFIG)
    share = b["share"]
    told = Told(
        b["tilts"].transpose(1, 2),
        b["pace"],
        b["channels"].permute(0, 3, 2, 1),
        share.nan_to_num(),
        share.isfinite().to(share.dtype),
    )
    return adjoint_terms(worn_body(b), b["raw"], (b["turns"], b["places"]), told, table)


def gradients(function, gains, seed, load=0.0):
    b = batch(seed=seed, load=load)
    for name in LEARNT:
        b[name].requires_grad_()
    values = function(b)
    return values.detach(), torch.autograd.grad((values * gains).sum(), [b[name] for name in LEARNT])


@pytest.mark.parametrize("term", [*NAMES, "all"])
def test_values_and_gradients_by_hand_are_those_of_the_definitions_to_1e_10(term):
    gains = torch.tensor([1.0 + 0.3 * i if term in (name, "all") else 0.0 for i, name in enumerate(NAMES)]).double()
    for seed, load in ((0, 0.0), (1, 0.0), (2, -5.0)):  # the last: less than 5 % of body weight on the floor
        values, slopes = gradients(by_hand, gains, seed, load)
        wanted, wanted_slopes = gradients(defined, gains, seed, load)
        torch.testing.assert_close(values, wanted, rtol=1e-10, atol=1e-10)
        size = max(float(true.abs().max()) for true in wanted_slopes)
        for found, true in zip(slopes, wanted_slopes, strict=True):
            torch.testing.assert_close(found, true, rtol=1e-10, atol=1e-10 * size)


def test_the_loss_of_a_training_is_the_sum_of_the_definitions_beyond_the_skipped_frames_with_eight_sensors():
    rng, bodies = np.random.default_rng(4), stacked_bodies([body_of(p, torch.float64) for p in PEOPLE])
    segments, shape = tuple(bodies.segments), (120, len(bodies.segments))
    records = tuple(
        SagittalRecord(
            p,
            "walk",
            RATE,
            *(rng.standard_normal(s) for s in ((*shape, 3), shape, shape[:1], (8, 2))),
            np.zeros(120, bool),
        )
        for p in PEOPLE
    )
    config = PhysicsConfig(width=8, window_seconds=0.4, warm_up_seconds=0.03, trainable_body=True)
    lesson = prepare_lesson(PhysicsData(records, PEOPLE, bodies, segments, segments, RATE, ()), config)
    sd = torch.from_numpy(channel_statistics(lesson.data)[1])
    lesson = replace(lesson, table=term_table(bodies, range(8), sd, RATE, config))
    torch.manual_seed(0)
    network = fresh_network(lesson.data, config).double()
    with torch.no_grad():
        for part in (network.turns, network.shifts, network.stretches, network.soles):
            part.normal_(std=0.02)
    drawn = draw_windows(lesson, 4, rng)
    share = torch.from_numpy(rng.random((4, lesson.length)))
    share[:, ::5] = float("nan")
    windows = replace(
        drawn, share=share, **{k: getattr(drawn, k).double() for k in ("channels", "tilts", "pace", "places")}
    )
    learnt = list(network.parameters())
    loss, terms = physics_loss(lesson, network, windows, config, ramp=0.3)
    slopes = torch.autograd.grad(loss, learnt)

    turns, shifts, stretches = network.worn(windows.person, windows.channels)
    b = {
        "raw": network.outputs(windows, turns, 3),
        "turns": turns,
        "places": windows.places + shifts,
        "tilts": windows.tilts[:, 3:],
        "pace": windows.pace[:, 3:],
        "channels": windows.channels[:, 3:],
        "share": share[:, 3:],
        "sd": sd,
        "body": network.body_of(windows, stretches),
    }
    assert lesson.skip == 3
    named = dict(zip(NAMES, defined(b, range(8)), strict=True))
    named["placement"] = placement_loss(turns, shifts, stretches, network.soles, config.weights)
    shares = {n: float(torch.tensor(getattr(config.weights, n) * (0.3 if n in LATE else 1.0))) for n in named}
    for name, value in terms.items():
        torch.testing.assert_close(value, shares[name] * named[name].detach(), rtol=1e-10, atol=1e-10)
    whole = sum(shares[name] * value for name, value in named.items())
    torch.testing.assert_close(loss.detach(), whole.detach(), rtol=1e-10, atol=0.0)
    wanted = torch.autograd.grad(whole, learnt, allow_unused=True)
    size = max(float(true.abs().max()) for true in wanted if true is not None)
    for found, true in zip(slopes, wanted, strict=True):
        torch.testing.assert_close(found, true if true is not None else 0 * found, rtol=1e-9, atol=1e-10 * size)


def test_every_term_acts_on_what_it_can():
    b = batch()
    assert float(defined(b).min()) > 0.0
