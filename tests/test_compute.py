"""What the step computes in, and how: bfloat16 costs little, parts nothing."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax.traverse_util import flatten_dict
from jax.extend import core

from fewshot_mss.default_config import get_config
from fewshot_mss.errors import InputError
from fewshot_mss.training.step import AXIS, _sums, loss_sum, train_step
from tiny_model import draw_params, draw_state, make_batch, make_model, to_jax

BATCH = to_jax(make_batch(samples=400, clip=200))
# One query without positives and one without negatives: every vector is used.
BATCH = BATCH._replace(
  support=BATCH.support._replace(
    positive_mask=BATCH.support.positive_mask.at[0, 0].set(False),
    negative_mask=BATCH.support.negative_mask.at[1, 1].set(False),
  )
)
SIZES = {
  "unet_channels": (8, 16),
  "encoder_channels": (8, 16),
  "film_site": "decoder",
  "conditioning": "examples_and_negatives",
}


def _model(dtype):
  return make_model(**SIZES, compute_dtype=dtype)


@pytest.fixture(scope="module")
def params():
  return draw_params(_model("float32"), BATCH)


def _gradient(model, params):
  def loss(params):
    return loss_sum(params, BATCH, model, get_config().train)[0]

  return jax.jit(jax.value_and_grad(loss))(params)


def _equations(jaxpr):
  """Yields every equation of a program, those of its parts too."""
  for equation in jaxpr.eqns:
    yield equation
    for part in jax.tree.leaves(
      list(equation.params.values()),
      is_leaf=lambda x: isinstance(x, (core.Jaxpr, core.ClosedJaxpr)),
    ):
      if isinstance(part, core.ClosedJaxpr):
        yield from _equations(part.jaxpr)
      elif isinstance(part, core.Jaxpr):
        yield from _equations(part)


def _types(model, params, primitive):
  """Returns the types that go into all operations of one kind."""
  jaxpr = jax.make_jaxpr(
    lambda params: jax.grad(
      lambda p: loss_sum(p, BATCH, model, get_config().train)[0]
    )(params)
  )(params)
  return {
    variable.aval.dtype.name
    for equation in _equations(jaxpr.jaxpr)
    if equation.primitive.name == primitive
    for variable in equation.invars
  }


def test_bfloat16_is_between_stft_and_mask_alone(params):
  model = _model("bfloat16")
  shapes = jax.eval_shape(model.init, jax.random.key(0), BATCH)
  assert {leaf.dtype.name for leaf in jax.tree.leaves(shapes)} == {"float32"}
  assert _types(model, params, "conv_general_dilated") == {"bfloat16"}
  # The transform, the mask, the waveform, the loss.
  assert _types(model, params, "fft") == {"float32", "complex64"}
  assert _types(model, params, "logistic") == {"float32"}
  assert _types(model, params, "log") == {"float32"}
  # Statistics of the norms.
  assert _types(model, params, "rsqrt") == {"float32"}
  estimates = jax.eval_shape(model.apply, {"params": params}, BATCH)
  assert estimates.dtype == jnp.float32


def test_float32_is_float32_throughout(params):
  kinds = _types(_model("float32"), params, "conv_general_dilated")
  assert kinds == {"float32"}


def test_gradients_in_bfloat16_are_those_in_float32_but_for_rounding(params):
  # bfloat16 rounds to 8 bits: an error of up to 2^-9 = 0.2 % a rounding. A
  # gradient passes some 4 roundings in each of 2 x 4 layers, there and back: 64
  # that are independent add up to 8 x 0.2 % = 1.6 %. Norms take a mean of the
  # gradient away, and so make the error a larger share of what is left: six
  # times is allowed for, 10 %, which turns it by no more than a cosine of
  # sqrt(1 - 0.1^2) = 0.995.
  loss, exact = _gradient(_model("float32"), params)
  rounded_loss, rounded = _gradient(_model("bfloat16"), params)
  assert float(rounded_loss) == pytest.approx(float(loss), rel=0.02)
  exact, rounded = flatten_dict(exact, sep="/"), flatten_dict(rounded, sep="/")
  whole = np.sqrt(sum(float(jnp.sum(g**2)) for g in exact.values()))
  errors = []
  for name, gradient in exact.items():
    assert rounded[name].dtype == gradient.dtype == jnp.float32
    norm = float(jnp.linalg.norm(gradient))
    # What is left of vectors that cancel has the error of these vectors.
    level = max(norm, 0.02 * whole)
    error = float(jnp.linalg.norm(rounded[name] - gradient)) / level
    cosine = 1.0
    if norm == level:
      length = float(jnp.linalg.norm(rounded[name]))
      cosine = float(jnp.vdot(gradient, rounded[name])) / (norm * length)
    errors.append((error, cosine, name))
  # It was rounded at all.
  assert min(errors)[0] > 1e-4
  assert max(errors)[0] < 0.1, max(errors)
  assert min(cosine for _, cosine, _ in errors) > 0.995


# Plain gradient descent: Adam would hide a wrong scale of the gradient.
OPTIMIZER = optax.apply_if_finite(optax.sgd(0.05), 5)


@pytest.fixture(scope="module")
def step_of():
  """Returns a function of changes to config.train: a step of two devices."""
  batch = make_batch(mixtures=8)
  mask = np.ones((8, 2), bool)
  # The devices count 6 queries and 1, parts of them from 4 to none.
  mask[2:6] = [[True, False], [False, True], [False, False], [True, False]]
  mask[6:] = False
  level = np.array([1.0, 0.2, 1.0, 0.5, 1.0, 0.1, 1.0, 0.3], np.float32)
  batch = batch._replace(
    targets=batch.targets * level[:, None, None], query_mask=mask
  )
  model = make_model()
  start = jax.device_get(draw_state(model, OPTIMIZER, make_batch(mixtures=1)))

  @functools.cache
  def take(**changes):
    train = get_config().train
    train.update(changes)
    step = functools.partial(
      train_step, model=model, optimizer=OPTIMIZER, train=train
    )
    pmapped = jax.pmap(
      step,
      AXIS,
      in_axes=(None, 0),
      out_axes=(None, None),
      devices=jax.devices()[:2],
    )
    halves = jax.tree.map(
      lambda leaf: leaf.reshape(2, 4, *leaf.shape[1:]), batch
    )
    return start, *pmapped(start, halves)

  return take


@pytest.mark.parametrize(
  "changes",
  [
    {"microbatches": 2},
    {"microbatches": 4},
    {"remat": True},
    {"remat": True, "microbatches": 2},
  ],
)
def test_less_memory_is_the_same_step(step_of, changes):
  start, plain, metrics = step_of()
  _, state, other_metrics = step_of(**changes)
  pairs = zip(
    *(jax.tree.leaves(s.params) for s in (start, plain, state)), strict=True
  )
  changed = max(
    float(np.abs(before - after).max()) for before, after, _ in pairs
  )
  assert changed > 1e-3
  for one, other in zip(
    jax.tree.leaves(plain.params), jax.tree.leaves(state.params), strict=True
  ):
    np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)
  assert float(metrics["queries"]) == 7.0
  for name, value in metrics.items():
    assert float(other_metrics[name]) == pytest.approx(float(value), rel=1e-5)


def test_parts_that_do_not_divide_the_share_are_refused(step_of):
  with pytest.raises(InputError, match=r"microbatches is 3: .* the 4 mixtures"):
    step_of(microbatches=3)


def test_parts_of_a_batch_without_negatives(params):
  # A leaf without numbers says nothing of what its other sizes are.
  train = get_config().train
  train.microbatches = 2
  model = _model("float32")
  batch = to_jax(make_batch(samples=400, clip=200, negatives=0))
  (loss, count), grads = jax.eval_shape(
    lambda params: _sums(params, batch, model, train), params
  )
  assert loss.shape == count.shape == ()
  assert jax.tree.map(jnp.shape, grads) == jax.tree.map(jnp.shape, params)


def test_parts_and_remat_keep_less(step_of):
  # What the gradient keeps of the forward pass, by the program as written.
  model = make_model(**SIZES)
  batch = to_jax(make_batch())
  params = draw_params(model, batch)

  def kept(**changes):
    train = get_config().train
    train.update(changes)
    residuals = jax.eval_shape(
      lambda p: jax.vjp(lambda p: _sums(p, batch, model, train)[0][0], p)[1],
      params,
    )
    return sum(leaf.size for leaf in jax.tree.leaves(residuals))

  assert kept(remat=True) < kept()
