"""A configuration is complete, documented, and refuses what it does not know."""

import pytest

from training.config import ConfigRefused, TrainingConfig, describe_config, load_config, resolve_config


def test_an_unknown_key_is_refused_with_the_nearest_known_one():
    with pytest.raises(ConfigRefused, match=r"'learning_rat'.*did you mean 'learning_rate'"):
        resolve_config({"learning_rat": 0.1})
    with pytest.raises(ConfigRefused, match=r"'augmentation.noise'.*did you mean 'noise_share'"):
        resolve_config({"augmentation": {"noise": 0.1}})


def test_unknown_networks_outputs_and_bad_values_are_refused():
    with pytest.raises(ConfigRefused, match="did you mean 'lstm'"):
        resolve_config({"network": "ltsm"})
    with pytest.raises(ConfigRefused, match="did you mean 'moment'"):
        resolve_config({"outputs": ["moments"]})
    with pytest.raises(ConfigRefused, match="steps"):
        resolve_config({"steps": 0})


def test_a_file_is_read_and_arguments_win(tmp_path):
    file = tmp_path / "training.toml"
    file.write_text('network = "lstm"\nwidth = 12\n[augmentation]\nmisalignment_deg = 5.0\n', encoding="utf-8")
    config = load_config(file, width=20, seed=None)
    assert (config.network, config.width, config.augmentation.misalignment_deg) == ("lstm", 20, 5.0)
    assert config.augmentation.noise_share == 0.15


def test_a_file_that_is_no_toml_names_itself(tmp_path):
    file = tmp_path / "broken.toml"
    file.write_text("steps 3", encoding="utf-8")
    with pytest.raises(ConfigRefused, match=r"broken\.toml"):
        load_config(file)


def test_every_field_is_documented_and_survives_json():
    assert all(description for _, _, description in describe_config())
    config = TrainingConfig(steps=7)
    assert resolve_config(config.model_dump(mode="json")) == config
