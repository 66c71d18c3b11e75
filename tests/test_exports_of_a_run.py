"""A network that was trained says the same in every form that it leaves in."""

import json

import jax
import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra [onnx] is not installed")

from exported_forms import RATE_HZ, make_songs, noise
from fewshot_mss.export import run_onnx
from fewshot_mss.export.archive import load_archive
from fewshot_mss.inference.inputs import cut_pieces
from fewshot_mss.inference.overlap_add import overlap_add
from fewshot_mss.inference.separator import Separator
from fewshot_mss.training.exporting import export_run
from fewshot_mss.training.train import train_and_evaluate
from tiny_run import tiny_config

PIECE = 4000


@pytest.fixture(scope="module")
def run_of(toy_dataset, tmp_path_factory):
  """A workdir whose network has moved far from where it began."""
  workdir = tmp_path_factory.mktemp("trained") / "run"
  config = tiny_config(
    toy_dataset,
    model__conditioning="examples_and_negatives",
    data__max_negatives=2,
    train__steps=12,
    train__learning_rate=0.03,
    train__log_every_steps=12,
    train__eval_every_steps=12,
    train__checkpoint_every_steps=12,
  )
  train_and_evaluate(config, workdir)
  return workdir


@pytest.fixture(scope="module", params=["float32", "float16"])
def forms(request, run_of, tmp_path_factory):
  """The archive, StableHLO's two functions and their sizes, and the runner."""
  root = tmp_path_factory.mktemp(request.param)
  for form in ("archive", "stablehlo", "onnx"):
    export_run(run_of, root / form, form=form, dtype=request.param)
  functions = {
    name: jax.jit(
      jax.export.deserialize(
        bytearray((root / f"stablehlo/{name}.stablehlo").read_bytes())
      ).call
    )
    for name in ("condition", "separate_patch")
  }
  sizes = json.loads((root / "stablehlo/config.json").read_text())["functions"]
  return (
    Separator.from_pretrained(root / "archive"),
    (functions, sizes),
    run_onnx.Model(root / "onnx"),
  )


def by_stablehlo(functions, clips):
  """What a kind of examples is to `condition`: pieces and weights."""
  given = []
  for some in clips:
    cut = [cut_pieces(clip, PIECE) for clip in some]
    cut = cut or [np.zeros((1, PIECE), np.float32)]
    weight = 1.0 if some else 0.0
    weights = [np.full(len(p), weight / len(p), np.float32) for p in cut]
    given += [np.concatenate(cut)[None], np.concatenate(weights)[None]]
  return np.asarray(functions["condition"](*given))[0]


def test_training_moved_the_layers_that_condition(run_of):
  params = load_archive(run_of / "model").params
  # Zero at first, so that random weights are not what is compared below.
  film = params["unet"]["film_0"]
  assert all(np.ptp(film[name]["kernel"]) > 0.01 for name in ("delta", "beta"))


@pytest.mark.parametrize("negatives", [0, 3])
@pytest.mark.parametrize("positives", [1, 5, 10])
def test_conditions_agree(forms, positives, negatives):
  separator, (functions, _), runner = forms
  lengths = [PIECE, 3 * PIECE + 17, 2001, PIECE + 1]
  shown, hidden = (
    [noise((seed, i), lengths[i % 4]) for i in range(number)]
    for seed, number in ((1, positives), (2, negatives))
  )
  wanted = separator.condition(
    positives=shown, negatives=hidden, rate_hz=RATE_HZ
  )
  assert np.ptp(wanted) > 0.1
  found = by_stablehlo(functions, (shown, hidden))
  np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
  found = runner.condition(shown, hidden)[0]
  np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4)


def test_without_examples_both_forms_say_the_same(forms):
  _, (functions, _), runner = forms
  found = by_stablehlo(functions, ((), ()))
  np.testing.assert_allclose(found, runner.condition()[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", make_songs())
def test_songs_agree(forms, name):
  separator, (functions, sizes), runner = forms
  song = make_songs()[name].T
  condition = separator.condition(positives=[noise(7, 6000)], rate_hz=RATE_HZ)
  wanted = separator.separate_with(song, condition, rate_hz=RATE_HZ).target
  assert np.ptp(wanted) > 0.05

  def separate(patches):
    asked = np.tile(condition, (len(patches), 1, 1))
    return np.asarray(functions["separate_patch"](patches, asked))

  (found,) = overlap_add(
    song.T,
    separate,
    num_targets=1,
    patch_samples=sizes["mixture_samples"],
    overlap_samples=sizes["overlap_samples"],
    batch_patches=8,
  )
  np.testing.assert_allclose(found.T, wanted, rtol=0, atol=1e-5)
  found = runner.separate(song, condition[None])
  np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4)
