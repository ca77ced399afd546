"""Arrays, texts and attributes by low-level calls have the bytes that h5py itself would write."""

import h5py
import numpy as np

from synth.corpus.stored_array import TEXT, describe, fill, new_array, store_array, store_text

NUMBERS = {"plain": np.arange(12.0).reshape(4, 3), "flags": np.array([True, False]), "none": np.empty((0, 3))}
TEXTS = {"one": "déjà vu", "list": ["a", "", "β" * 40], "empty": []}
ATTRIBUTES = {"units": "m/s^2", "names": ["a", "bc"], "rate": 100.0, "n_frames": 3, "values": np.arange(3.0)}


def by_h5py(path):
    with h5py.File(path, "w") as file:
        for name, values in NUMBERS.items():
            stored = file.create_dataset(name, data=values, track_times=False)
            for key, value in ATTRIBUTES.items():
                stored.attrs[key] = np.array(value, dtype=TEXT) if isinstance(value, list) else value
        for name, text in TEXTS.items():
            data = text if isinstance(text, str) else np.array(text, dtype=object)
            file.create_dataset(name, data=data, dtype=TEXT, track_times=False)


def by_us(path):
    with h5py.File(path, "w") as file:
        for name, values in NUMBERS.items():
            store_array(file, name, values, ATTRIBUTES)
        for name, text in TEXTS.items():
            store_text(file, name, text)


def test_the_bytes_are_those_of_h5py(tmp_path):
    by_h5py(tmp_path / "a.h5")
    by_us(tmp_path / "b.h5")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_an_array_filled_in_pieces_is_the_array_stored_whole(tmp_path):
    values = np.random.default_rng(0).standard_normal((10, 2, 6)).astype(np.float32)
    for name, pieces in (("whole.h5", [10]), ("pieces.h5", [4, 0, 5, 1])):
        with h5py.File(tmp_path / name, "w") as file:
            array, start = new_array(file, "records", values.shape, np.float32), 0
            for n in pieces:
                fill(array, start, values[start : start + n])
                start += n
            describe(array, {"frame": "sensor"})
    assert (tmp_path / "whole.h5").read_bytes() == (tmp_path / "pieces.h5").read_bytes()
    with h5py.File(tmp_path / "whole.h5") as file:
        np.testing.assert_array_equal(file["records"][...], values)
        assert file["records"].attrs["frame"] == "sensor"
