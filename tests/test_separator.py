"""The whole network: what may and what must change its output."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fewshot_mss.models.conditioning import CONDITIONINGS
from fewshot_mss.models.separator import FewShotSeparator
from tiny_model import SIZES, draw_params, make_batch, make_model, to_jax

BATCH = to_jax(make_batch())


@functools.cache
def _trained(conditioning="examples", film_site="bottleneck"):
  """Returns the model, drawn parameters and the jitted forward pass."""
  model = make_model(conditioning=conditioning, film_site=film_site)
  return model, draw_params(model, BATCH), jax.jit(model.apply)


def _with(batch, **support):
  return batch._replace(
    support=batch.support._replace(
      **{key: jnp.asarray(value) for key, value in support.items()}
    )
  )


def _changed(one, other):
  return float(np.abs(one - other).max())


@pytest.mark.parametrize("conditioning", CONDITIONINGS)
def test_the_condition_changes_the_output(conditioning):
  _, params, apply = _trained(conditioning)
  out = apply({"params": params}, BATCH)
  assert out.shape == BATCH.targets.shape
  swapped = BATCH._replace(
    support=jax.tree.map(lambda leaf: leaf[:, ::-1], BATCH.support)
  )
  other = apply({"params": params}, swapped)
  # Another query, another output; the same query elsewhere, the same output.
  assert _changed(other, out) > 1e-3
  np.testing.assert_allclose(other[:, ::-1], out, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
  ("conditioning", "ignored"),
  [
    ("examples", ("negatives", "class_id")),
    ("examples_and_negatives", ("class_id",)),
    ("class", ("positives", "negatives")),
  ],
)
def test_each_conditioning_reads_its_own_part_alone(conditioning, ignored):
  _, params, apply = _trained(conditioning)
  other = make_batch(seed=9).support
  parts = ("positives", "negatives", "class_id")
  changes = {part: getattr(other, part) for part in parts}
  changes["class_id"] = 1 - other.class_id
  out = apply({"params": params}, BATCH)
  for part in parts:
    changed = _changed(
      apply({"params": params}, _with(BATCH, **{part: changes[part]})), out
    )
    assert (changed == 0.0) if part in ignored else (changed > 1e-4), part


@pytest.mark.parametrize("conditioning", CONDITIONINGS[:2])
def test_order_and_padding_of_examples_change_nothing(conditioning):
  _, params, apply = _trained(conditioning)
  support = BATCH.support
  mask = np.array([True, False, True])
  partly = _with(
    BATCH, positive_mask=np.broadcast_to(mask, support.positive_mask.shape)
  )
  out = apply({"params": params}, partly)
  order = np.array([2, 0, 1])
  moved = _with(
    partly,
    positives=support.positives[:, :, order],
    positive_mask=partly.support.positive_mask[:, :, order],
    negatives=support.negatives[:, :, ::-1],
  )
  np.testing.assert_allclose(
    apply({"params": params}, moved), out, rtol=1e-4, atol=1e-5
  )
  padding = np.asarray(support.positives).copy()
  padding[:, :, 1] = np.nan
  padded = apply({"params": params}, _with(partly, positives=padding))
  np.testing.assert_array_equal(padded, out)
  assert _changed(apply({"params": params}, BATCH), out) > 1e-5


def test_an_example_given_twice_weighs_no_more_than_once():
  _, params, apply = _trained()
  positives = np.asarray(BATCH.support.positives).copy()
  positives[:, :, 1:] = positives[:, :, :1]
  mask = np.zeros((2, 2, 3), bool)
  mask[..., 0] = True
  once = _with(BATCH, positives=positives, positive_mask=mask)
  np.testing.assert_allclose(
    apply({"params": params}, _with(BATCH, positives=positives)),
    apply({"params": params}, once),
    rtol=1e-4,
    atol=1e-5,
  )


def test_one_program_serves_every_number_of_shots():
  _, params, _ = _trained("examples_and_negatives")
  forward = jax.jit(make_model(conditioning="examples_and_negatives").apply)
  outs = []
  for shots in range(4):
    positive_mask = np.tile(np.arange(3) < shots, (2, 2, 1))
    negative_mask = np.tile(np.arange(2) < shots, (2, 2, 1))
    batch = _with(
      BATCH, positive_mask=positive_mask, negative_mask=negative_mask
    )
    outs.append(forward({"params": params}, batch))
  assert forward._cache_size() == 1
  assert np.all(np.isfinite(outs))
  for fewer, more in itertools.pairwise(outs):
    assert _changed(fewer, more) > 1e-5


def test_zero_shots_do_not_read_the_examples():
  _, params, apply = _trained()
  none = np.zeros((2, 2, 3), bool)
  out = apply({"params": params}, _with(BATCH, positive_mask=none))
  other = _with(
    BATCH, positive_mask=none, positives=make_batch(seed=5).support.positives
  )
  np.testing.assert_array_equal(apply({"params": params}, other), out)
  model = _trained()[0]
  roomless = _with(
    BATCH, positive_mask=none[..., :0], positives=np.zeros((2, 2, 0, 60), "f4")
  )
  np.testing.assert_allclose(
    model.apply({"params": params}, roomless), out, rtol=1e-4, atol=1e-5
  )


@pytest.mark.parametrize("conditioning", CONDITIONINGS)
def test_embedding_first_and_combining_later_is_the_condition(conditioning):
  model, params, _ = _trained(conditioning)
  variables = {"params": params}
  apply = functools.partial(model.apply, variables)

  @jax.jit
  def in_two_steps(support):
    embedded = apply(support, method="embed_support")
    return embedded, apply(embedded, method="combine")

  embedded, condition = in_two_steps(BATCH.support)
  at_once = jax.jit(functools.partial(apply, method="condition"))(BATCH.support)
  assert condition.shape == (2, 2, SIZES["condition_dim"])
  np.testing.assert_allclose(condition, at_once, rtol=1e-4, atol=1e-5)
  if conditioning != "class":
    assert embedded.positives.shape == (2, 2, 3, SIZES["condition_dim"])
  # And separating by that condition is the whole network.
  out = jax.jit(functools.partial(apply, method="separate"))(
    BATCH.mixture, condition
  )
  np.testing.assert_allclose(
    out, _trained(conditioning)[2](variables, BATCH), rtol=1e-4, atol=1e-5
  )


@pytest.mark.parametrize("form", ["rfft", "dft"])
@pytest.mark.parametrize("samples", [1, 7, 8, 101])
def test_a_mask_of_ones_returns_the_mixture(samples, form):
  class Open(FewShotSeparator):
    def _features(self, magnitude):
      return []

    def _masks(self, features, condition, frames):
      bins = self.n_fft // 2 + 1
      return jnp.ones((*condition.shape[:2], frames, bins))

  mixture = jnp.asarray(make_batch(samples=samples).mixture)
  out = jax.jit(
    functools.partial(Open(**{**SIZES, "stft_form": form}).apply, {}),
    static_argnames="method",
  )(mixture, jnp.zeros((2, 3, 6)), method="separate")
  expected = np.repeat(np.asarray(mixture)[:, None], 3, axis=1)
  np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-6)


def test_open_and_shut_masks_pass_all_and_nothing():
  _, params, apply = _trained()
  # The one bias that every bin's mask shares: a convolution to 2 x 2 cells.
  paths = [
    path
    for path, leaf in jax.tree_util.tree_leaves_with_path(params["unet"])
    if path[-1].key == "bias" and path[0].key == "up_1"
  ]
  assert len(paths) == 1

  def with_bias(bias):
    return jax.tree_util.tree_map_with_path(
      lambda path, leaf: leaf + bias if path[1:] == paths[0] else leaf, params
    )

  out = apply({"params": with_bias(50.0)}, BATCH)
  expected = np.repeat(np.asarray(BATCH.mixture)[:, None], 2, axis=1)
  np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-5)
  out = apply({"params": with_bias(-50.0)}, BATCH)
  np.testing.assert_allclose(out, np.zeros_like(out), atol=1e-6)


@pytest.mark.parametrize("film_site", ["bottleneck", "decoder"])
def test_masks_fit_the_spectrum_and_nyquist_follows_its_neighbour(film_site):
  model, params, _ = _trained(film_site=film_site)
  # 9 frames: not a multiple of the 4 that the U-Net wants.
  magnitude = jnp.asarray(
    np.random.default_rng(0).uniform(0, 1, (2, 9, 17)).astype(np.float32)
  )
  mask = jax.jit(
    lambda *args: model.apply({"params": params}, *args, method="mask")
  )
  masks = mask(magnitude, jnp.ones((2, 3, 6)))
  assert masks.shape == (2, 3, 9, 17)
  assert masks.min() > 0.0
  assert masks.max() < 1.0
  np.testing.assert_array_equal(masks[..., -1], masks[..., -2])
  # What fills up is silence: three silent frames more are the same.
  longer = jnp.pad(magnitude, [(0, 0), (0, 3), (0, 0)])
  np.testing.assert_allclose(
    mask(longer, jnp.ones((2, 3, 6)))[:, :, :9], masks, rtol=1e-4, atol=1e-5
  )


@pytest.mark.parametrize("samples", [1, 97, 104])
def test_any_length_comes_back_as_long(samples):
  _, params, apply = _trained()
  out = apply({"params": params}, to_jax(make_batch(samples=samples)))
  assert out.shape == (2, 2, samples)
  assert np.all(np.isfinite(out))


@pytest.mark.parametrize("conditioning", CONDITIONINGS)
def test_silence_gives_silence_and_finite_gradients(conditioning):
  model, params, _ = _trained(conditioning)
  silent = jax.tree.map(
    lambda leaf: jnp.zeros_like(leaf) if leaf.dtype == jnp.float32 else leaf,
    BATCH,
  )

  @jax.jit
  def energy(params):
    out = model.apply({"params": params}, silent)
    return jnp.sum((out - 1.0) ** 2), out

  grads, out = jax.jit(jax.grad(energy, has_aux=True))(params)
  np.testing.assert_array_equal(out, np.zeros_like(out))
  assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(grads))


def test_both_stft_forms_are_one_network():
  _, params, apply = _trained()
  by_matmul = jax.jit(make_model(stft_form="dft").apply)
  np.testing.assert_allclose(
    by_matmul({"params": params}, BATCH),
    apply({"params": params}, BATCH),
    rtol=1e-3,
    atol=1e-4,
  )


def test_only_the_parts_that_are_used_have_parameters():
  parts = {
    conditioning: set(_trained(conditioning)[1])
    for conditioning in CONDITIONINGS
  }
  assert parts == {
    "examples": {"unet", "encoder", "conditioner"},
    "examples_and_negatives": {"unet", "encoder", "conditioner"},
    "class": {"unet", "conditioner"},
  }
