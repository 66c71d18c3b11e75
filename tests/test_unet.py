"""The U-Net: encoder and decoder apart, every query on its own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.models import unet
from fewshot_mss.models.unet import UNet
from tiny_model import draw_params

SITES = unet.FILM_SITES


def _inputs(mixtures=2, queries=3, frames=8, seed=0):
  rng = np.random.default_rng(seed)
  magnitude = rng.uniform(0, 1, (mixtures, frames, 16)).astype(np.float32)
  condition = rng.normal(size=(mixtures, queries, 5)).astype(np.float32)
  return jnp.asarray(magnitude), jnp.asarray(condition)


class _Both(UNet):
  def __call__(self, magnitude, condition):
    return self.decode(self.encode(magnitude), condition)


@pytest.fixture(scope="module", params=SITES)
def net(request):
  """Returns parameters, encode and decode."""
  module = _Both(channels=(4, 8), kernel=3, film_site=request.param)
  params = draw_params(module, *_inputs())
  encode = jax.jit(lambda p, x: module.apply({"params": p}, x, method="encode"))
  decode = jax.jit(
    lambda p, f, c: module.apply({"params": p}, f, c, method="decode")
  )
  return params, encode, decode


def test_depth_to_space_by_hand():
  cells = jnp.arange(16.0).reshape(1, 1, 2, 8)
  image = unet.depth_to_space(cells)
  assert image.shape == (1, 2, 4, 2)
  # Channels of a cell: upper left, upper right, lower left, lower right.
  expected = [
    [[0, 1], [2, 3], [8, 9], [10, 11]],
    [[4, 5], [6, 7], [12, 13], [14, 15]],
  ]
  np.testing.assert_array_equal(image[0], expected)


def test_frequency_channel_by_hand():
  features = jnp.array([[[[0.0, 5.0], [1.0, 6.0], [8.0, 7.0]]]])
  np.testing.assert_array_equal(
    unet.with_frequency(features)[0, 0],
    [[0.0, 5.0, -1.0], [1.0, 6.0, 0.0], [8.0, 7.0, 1.0]],
  )
  np.testing.assert_allclose(
    unet.compress(jnp.array([0.0, 1.0, 1024.0])), [0.0, 1.0, 8.0], rtol=1e-5
  )


def test_fold_by_hand_and_back():
  image = jnp.arange(16.0).reshape(1, 2, 8)
  cells = unet.fold(image, (2, 4))
  # Frame by frame, low bins first.
  expected = [[[0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]]]
  np.testing.assert_array_equal(cells[0], expected)
  np.testing.assert_array_equal(unet.unfold(cells, (2, 4)), image)
  np.testing.assert_array_equal(unet.fold(image, (1, 1)), image[..., None])


def test_frames_of_zeros_fill_up():
  image = jnp.ones((2, 3, 4))
  padded = unet.pad_frames(image, 2)
  assert padded.shape == (2, 4, 4)
  np.testing.assert_array_equal(padded[:, :3], image)
  assert not padded[:, 3:].any()
  assert unet.pad_frames(image, 3).shape == image.shape


def test_a_mask_of_folded_cells_has_the_shape_of_its_mixture():
  module = _Both(channels=(4,), kernel=3, film_site="bottleneck", cell=(2, 4))
  magnitude, condition = _inputs()
  params = draw_params(module, magnitude, condition)
  mask = module.apply({"params": params}, magnitude, condition)
  assert mask.shape == (2, 3, 8, 16)
  # 8 channels a cell and its place in; 8 a cell for each of 2 x 2 out.
  assert params["down_0"]["kernel"].shape == (3, 3, 9, 4)
  assert params["up_0"]["kernel"].shape == (3, 3, 4, 32)


@pytest.mark.parametrize(
  ("channels", "groups"), [(4, 1), (8, 1), (16, 2), (25, 1), (27, 3), (64, 8)]
)
def test_groups_divide_the_channels(channels, groups):
  assert unet.group_norm(channels, "norm").num_groups == groups


def test_encoder_halves_and_keeps_every_block(net):
  params, encode, _ = net
  shapes = [f.shape for f in encode(params, _inputs()[0])]
  assert shapes == [(2, 4, 8, 4), (2, 2, 4, 8)]


def test_mask_has_the_magnitudes_shape_and_lies_in_0_1(net):
  params, encode, decode = net
  magnitude, condition = _inputs()
  mask = decode(params, encode(params, magnitude), condition)
  assert mask.shape == (2, 3, 8, 16)
  assert mask.min() > 0.0
  assert mask.max() < 1.0
  assert np.ptp(mask) > 0.01


def test_queries_at_once_are_queries_one_by_one(net):
  params, encode, decode = net
  magnitude, condition = _inputs()
  at_once = decode(params, encode(params, magnitude), condition)
  for mixture in range(2):
    features = encode(params, magnitude[mixture : mixture + 1])
    for query in range(3):
      alone = decode(
        params, features, condition[mixture : mixture + 1, query : query + 1]
      )
      np.testing.assert_allclose(
        at_once[mixture, query], alone[0, 0], rtol=1e-4, atol=1e-6
      )
  # Or the comparison above says little.
  assert np.abs(at_once[:, 1:] - at_once[:, :-1]).max() > 1e-3


def test_order_of_queries_is_order_of_masks(net):
  params, encode, decode = net
  magnitude, condition = _inputs()
  features = encode(params, magnitude)
  mask = decode(params, features, condition)
  order = np.array([2, 0, 1])
  np.testing.assert_allclose(
    decode(params, features, condition[:, order]), mask[:, order], rtol=1e-5
  )


def test_skips_carry_the_mixture_past_the_bottleneck(net):
  params, encode, decode = net
  magnitude, condition = _inputs()
  features = encode(params, magnitude)
  muted = [jnp.zeros_like(features[0]), features[1]]
  difference = decode(params, features, condition) - decode(
    params, muted, condition
  )
  assert np.abs(difference).max() > 1e-3


def test_decoder_site_has_a_film_in_every_block():
  def films(site):
    module = _Both(channels=(4, 8), kernel=3, film_site=site)
    params = jax.eval_shape(module.init, jax.random.key(0), *_inputs())
    return sum("film" in name for name in params["params"])

  assert films("bottleneck") == 1
  assert films("decoder") == 2


def test_unknown_film_site_is_refused():
  module = _Both(channels=(4, 8), kernel=3, film_site="everywhere")
  with pytest.raises(InputError, match="film_site 'everywhere'"):
    module.init(jax.random.key(0), *_inputs())
