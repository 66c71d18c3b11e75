"""An archive comes back as it was, or is refused with the reason."""

import hashlib
import json
import struct

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from safetensors.numpy import load, save

import fewshot_mss
from fewshot_mss.errors import InputError
from fewshot_mss.export.archive import load_archive, save_archive
from fewshot_mss.export.checks import build_model
from tiny_archive import INSTRUMENTS, MODEL, TRAINING, random_params


@pytest.fixture(scope="module")
def params():
  return random_params()


def write(directory, params, **changes):
  parts = {"model": MODEL, "instruments": INSTRUMENTS, "training": TRAINING}
  save_archive(directory, params, **(parts | changes))
  return directory


@pytest.fixture
def archive_dir(tmp_path, params):
  return write(tmp_path / "model", params)


def change_config(directory, **changes):
  path = directory / "config.json"
  path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def change_weights(directory, weights: bytes):
  """Replaces the weights and their hash, as an archive of a stranger may."""
  (directory / "model.safetensors").write_bytes(weights)
  change_config(directory, weights_sha256=hashlib.sha256(weights).hexdigest())


def tensors(directory):
  return load((directory / "model.safetensors").read_bytes())


def test_what_was_saved_comes_back(archive_dir, params):
  archive = load_archive(archive_dir)
  saved, loaded = (
    flatten_dict(tree, sep="/") for tree in (params, archive.params)
  )
  assert saved.keys() == loaded.keys()
  for name in saved:
    np.testing.assert_array_equal(saved[name], loaded[name])
  assert build_model(archive.model) == build_model(MODEL)
  assert archive.instruments == ("bass", "horn")
  assert archive.training == TRAINING
  weights = (archive_dir / "model.safetensors").read_bytes()
  assert archive.content_hash == hashlib.sha256(weights).hexdigest()


def test_the_files_say_what_they_are(archive_dir):
  assert sorted(path.name for path in archive_dir.iterdir()) == [
    "config.json",
    "model.safetensors",
  ]
  config = json.loads((archive_dir / "config.json").read_text())
  assert config["format_version"] == 2
  assert config["dtype"] == "float32"
  assert config["package_version"] == fewshot_mss.__version__
  names = tensors(archive_dir)
  assert "unet/down_0/kernel" in names
  assert all(tensor.dtype == np.float32 for tensor in names.values())


def test_half_precision_is_kept_in_float32(tmp_path, params):
  half = jax.tree.map(lambda leaf: leaf.astype(np.float16), params)
  loaded = load_archive(write(tmp_path / "half", half)).params
  np.testing.assert_array_equal(
    loaded["unet"]["down_0"]["kernel"],
    half["unet"]["down_0"]["kernel"].astype(np.float32),
  )


def test_an_archive_is_replaced_whole_and_nothing_stays_beside(
  archive_dir, params
):
  before = load_archive(archive_dir)
  write(archive_dir, jax.tree.map(lambda leaf: leaf + 1, params))
  after = load_archive(archive_dir)
  assert after.content_hash != before.content_hash
  assert [path.name for path in archive_dir.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("name", ["song.wav", "config.json"])
def test_a_folder_of_something_else_is_not_replaced(tmp_path, params, name):
  (tmp_path / name).write_text("precious")
  with pytest.raises(InputError, match=f"holds {name} and is no model"):
    write(tmp_path, params)
  assert (tmp_path / name).read_text() == "precious"
  assert len(list(tmp_path.iterdir())) == 1


def test_an_archive_with_a_strange_file_in_it_is_not_replaced(
  archive_dir, params
):
  (archive_dir / "notes.txt").write_text("precious")
  with pytest.raises(InputError, match=r"holds notes\.txt"):
    write(archive_dir, params)
  assert (archive_dir / "notes.txt").read_text() == "precious"


def test_a_file_in_the_way_is_named(tmp_path, params):
  path = tmp_path / "model"
  path.write_text("precious")
  with pytest.raises(InputError, match="model is a file"):
    write(path, params)
  with pytest.raises(InputError, match="cannot be written"):
    write(path / "below", params)
  assert path.read_text() == "precious"


def test_parts_that_do_not_belong_together_are_not_written(tmp_path, params):
  path = tmp_path / "model"
  with pytest.raises(InputError, match="condition_dim cannot be 0"):
    write(path, params, model=MODEL | {"condition_dim": 0})
  with pytest.raises(InputError, match=r"is \(6,\), expected \(7,\)"):
    write(path, params, model=MODEL | {"condition_dim": 7})
  with pytest.raises(InputError, match=r"training\.example_s is None"):
    write(path, params, training={"mixture_s": 1.0})
  nan = jax.tree.map(lambda leaf: np.full_like(leaf, np.nan), params)
  with pytest.raises(InputError, match="holds NaN or infinite weights"):
    write(path, nan)
  assert not list(tmp_path.iterdir())


def test_no_archive_at_all(tmp_path):
  with pytest.raises(InputError, match=r"absent/config\.json cannot be read"):
    load_archive(tmp_path / "absent")


def test_missing_weights(archive_dir):
  (archive_dir / "model.safetensors").unlink()
  with pytest.raises(InputError, match=r"model\.safetensors cannot be read"):
    load_archive(archive_dir)


@pytest.mark.parametrize("place", [0, 20, -1])
def test_one_flipped_bit_is_found(archive_dir, place):
  path = archive_dir / "model.safetensors"
  weights = bytearray(path.read_bytes())
  weights[place] ^= 1
  path.write_bytes(weights)
  found = hashlib.sha256(weights).hexdigest()[:12]
  with pytest.raises(
    InputError, match=r"model\.safetensors is damaged"
  ) as told:
    load_archive(archive_dir)
  config = json.loads((archive_dir / "config.json").read_text())
  wanted = config["weights_sha256"][:12]
  assert f"{found}..., in config.json it is {wanted}...;" in str(told.value)


def test_a_dropped_tensor_is_named(archive_dir):
  changed = tensors(archive_dir)
  del changed["unet/up_0/bias"]
  change_weights(archive_dir, save(changed))
  with pytest.raises(InputError, match="unet/up_0/bias is missing"):
    load_archive(archive_dir)


@pytest.mark.parametrize("name", ["unet/other", "../../outside", "/etc/x"])
def test_an_unknown_tensor_is_named_and_nothing_written(archive_dir, name):
  changed = tensors(archive_dir) | {name: np.zeros(3, np.float32)}
  change_weights(archive_dir, save(changed))
  with pytest.raises(InputError, match=f"{name} is unknown"):
    load_archive(archive_dir)


def test_another_shape_is_named(archive_dir):
  changed = tensors(archive_dir)
  changed["unet/up_0/bias"] = changed["unet/up_0/bias"][:-1]
  change_weights(archive_dir, save(changed))
  with pytest.raises(InputError, match=r"up_0/bias is \(15,\), expected \(16,"):
    load_archive(archive_dir)


def test_another_type_is_named(archive_dir):
  changed = tensors(archive_dir)
  changed["unet/up_0/bias"] = changed["unet/up_0/bias"].astype(np.float64)
  change_weights(archive_dir, save(changed))
  with pytest.raises(InputError, match="unet/up_0/bias is F64, expected F32"):
    load_archive(archive_dir)


def test_nan_weights_are_refused(archive_dir):
  changed = tensors(archive_dir)
  changed["unet/up_0/bias"] = np.full(16, np.inf, np.float32)
  change_weights(archive_dir, save(changed))
  with pytest.raises(InputError, match="up_0/bias holds NaN or infinite"):
    load_archive(archive_dir)


@pytest.mark.parametrize(
  "weights", [b"", b"not tensors", struct.pack("<Q", 2**60) + b"{}"]
)
def test_weights_of_another_kind_are_refused(archive_dir, weights):
  change_weights(archive_dir, weights)
  with pytest.raises(InputError, match="is no safetensors file"):
    load_archive(archive_dir)


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"format_version": 3}, "format_version 3, this program reads 1 and 2:"),
    ({"format_version": True}, "has format_version True"),
    ({"dtype": "int8"}, "dtype is .int8., this program reads float32, float16"),
    ({"dtype": ["float32"]}, "dtype is .*, this program reads float32"),
    ({"model": []}, "model is not a dict"),
    ({"training": "long"}, "training is not a dict"),
    ({"training": TRAINING | {"mixture_s": 0}}, "training.mixture_s is 0"),
    (
      {"training": TRAINING | {"mixture_s": True}},
      "training.mixture_s is True",
    ),
    ({"training": {"mixture_s": 10**400}}, "training.mixture_s is 1"),
    ({"instruments": [1]}, "instruments holds what is no text"),
    ({"model": MODEL | {"rooms": 3}}, "has the unknown model.rooms"),
    ({"model": MODEL | {"n_fft": 64.0}}, "model.n_fft cannot be 64.0"),
    ({"model": MODEL | {"n_fft": True}}, "model.n_fft cannot be True"),
    (
      {"model": MODEL | {"n_fft": 2**40}},
      "n_fft cannot be 1099511627776",
    ),
    ({"training": TRAINING | {"mixture_s": 1e9}}, "mixture_s is 1000000000.0"),
    ({"model": MODEL | {"n_fft": 68}}, "n_fft (is|/ 2)|n_fft"),
    ({"model": MODEL | {"hop_samples": 7}}, "hop_samples is 7"),
    ({"model": MODEL | {"film_site": 3}}, "model.film_site cannot be 3"),
    ({"model": MODEL | {"film_site": "moon"}}, "film_site 'moon'"),
    ({"model": MODEL | {"compute_dtype": 16}}, "compute_dtype cannot be 16"),
    ({"model": MODEL | {"compute_dtype": "int8"}}, "compute_dtype 'int8'"),
    ({"model": MODEL | {"unet_channels": []}}, "model.unet_channels cannot be"),
    ({"model": MODEL | {"unet_channels": [4, 8, 8]}}, "is missing"),
    ({"model": MODEL | {"conditioning": "class"}}, "conditioner/table/"),
  ],
)
def test_a_config_that_does_not_fit_is_refused(archive_dir, changes, message):
  change_config(archive_dir, **changes)
  with pytest.raises(InputError, match=message):
    load_archive(archive_dir)


def test_a_missing_field_is_named(archive_dir):
  fields = {k: v for k, v in MODEL.items() if k != "unet_kernel"}
  change_config(archive_dir, model=fields)
  with pytest.raises(InputError, match=r"lacks model\.unet_kernel"):
    load_archive(archive_dir)


def test_an_archive_from_before_a_late_field_is_what_it_was(archive_dir):
  assert "compute_dtype" not in MODEL
  before = build_model(load_archive(archive_dir).model)
  assert before.compute_dtype == "float32"


def test_a_missing_key_is_named(archive_dir):
  path = archive_dir / "config.json"
  config = json.loads(path.read_text())
  del config["instruments"]
  path.write_text(json.dumps(config))
  with pytest.raises(InputError, match="lacks instruments"):
    load_archive(archive_dir)


@pytest.mark.parametrize(
  "text",
  ["{", "[]", "{}", "\udcff", "[" * 100_000, '{"a": ' + "1" * 5000 + "}"],
  ids=["cut", "list", "empty", "bytes", "deep", "digits"],
)
def test_another_json_is_refused(archive_dir, text):
  (archive_dir / "config.json").write_text(text, errors="surrogateescape")
  with pytest.raises(InputError, match=r"is no JSON|describes no fewshot-mss"):
    load_archive(archive_dir)


def test_more_instruments_than_classes_are_refused(archive_dir):
  change_config(
    archive_dir,
    model=MODEL | {"conditioning": "class", "num_classes": 1},
  )
  with pytest.raises(InputError, match=r"2 instruments but .* is 1"):
    load_archive(archive_dir)
