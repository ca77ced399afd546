"""The recipes: how a joint model is trained, as published and at a hundredth of the cost.

Both learn from windows of 1 s, then of 2 s; from clean records with fresh noise of 15 % of each channel's SD in every
window; *augmented* models also from sensors turned by a signed angle N(0, 13.5°) about a random axis, each sensor for
itself. Three angles and two orientations come from one network, as the paper says (its code uses two).
"""

from __future__ import annotations

from typing import Any

from training.config import TrainingConfig, resolve_config

NOISE_SHARE = 0.15
MISALIGNMENT_DEG = 13.5
PUBLISHED_STEPS = 10_000
"""5000 steps of 8 windows of 1 s, then 5000 of 16 windows of 2 s (released defaults, 200 Hz)."""

_COMMON: dict[str, Any] = {
    "window_seconds": 1.0,
    "second_window_seconds": 2.0,
    "outputs": ("angle", "orientation"),
    "mirror": False,  # left joints are mirrored to right ones when they are read
    "shrink_offsets": False,
}
_QUICK: dict[str, dict[str, Any]] = {
    "temporal": {"steps": 240, "batch": 16, "learning_rate": 0.008, "dropout": 0.1},
}
# Released defaults of Rapp et al. 2021; AdamW and one cycle in place of Adam with 0.9997 a step, which hardly decays.
_PUBLISHED: dict[str, Any] = {"steps": PUBLISHED_STEPS, "batch": 16, "learning_rate": 1.5e-3, "weight_decay": 0.0}


def joint_config(
    network: str = "temporal", *, augmented: bool = True, seed: int = 0, **settings: Any
) -> TrainingConfig:
    """The configuration of a joint model.

    Parameters
    ----------
    network : str
        ``"temporal"`` has the quick recipe, ``"published_conv1d"`` and ``"published_lstm"`` (``bidirectional`` makes it
        the BiLSTM) the published schedule; any other one its own defaults.
    augmented : bool
        Whether sensors are turned in training.
    seed : int
    **settings
        Further fields of `TrainingConfig`, which win.

    Returns
    -------
    TrainingConfig
    """
    recipe = _PUBLISHED if network.startswith("published") else _QUICK.get(network, {})
    turned = MISALIGNMENT_DEG if augmented else 0.0
    errors = {"misalignment_deg": turned, "noise_share": NOISE_SHARE}
    return resolve_config(
        {"network": network, "seed": seed} | _COMMON | recipe | {"augmentation": errors} | settings, "the joint recipe"
    )
