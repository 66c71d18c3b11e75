"""Small programs through the real TPU compiler, against counts by hand."""

import functools
import importlib.util
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.training.plan_chips import CHIPS
from fewshot_mss.training.tpu_compiler import (
  Memory,
  Refusal,
  compile_lowered,
  open_topology,
)

if importlib.util.find_spec("libtpu") is None:
  pytest.skip("libtpu is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def sharding():
  return jax.sharding.SingleDeviceSharding(open_topology("v5e:1x1")[0])


def lower(function, sharding, *shapes, dtype=jnp.float32):
  arrays = [
    jax.ShapeDtypeStruct(shape, dtype, sharding=sharding) for shape in shapes
  ]
  return jax.jit(function).lower(*arrays)


def test_a_matrix_product_by_hand(sharding):
  program = compile_lowered(
    lower(jnp.matmul, sharding, (256, 512), (512, 128), dtype=jnp.bfloat16)
  )
  assert program.flops == 2 * 256 * 512 * 128
  bytes_in, bytes_out = 2 * (256 * 512 + 512 * 128), 2 * 256 * 128
  assert program.memory.arguments == bytes_in
  assert program.memory.outputs == pytest.approx(bytes_out, abs=1024)
  # Copies into on-chip memory count too.
  assert bytes_in + bytes_out <= program.bytes_accessed <= 5 * bytes_in
  assert program.loops == 0 and program.collectives == ()


def test_passes_of_bfloat16_are_not_counted(sharding):
  # As the plan's notes say.
  def product(precision):
    function = functools.partial(jnp.matmul, precision=precision)
    return compile_lowered(lower(function, sharding, (256, 512), (512, 128)))

  flops = {product(precision).flops for precision in ("default", "high")}
  assert flops == {2 * 256 * 512 * 128}


def test_a_loop_is_priced_once_and_told(sharding):
  def turn(x):
    return jax.lax.fori_loop(0, 10, lambda _, y: y @ y, x)

  program = compile_lowered(lower(turn, sharding, (512, 512)))
  assert program.loops == 1
  assert program.flops == pytest.approx(2 * 512**3, rel=0.01)


def test_tiles_count_as_padded(sharding):
  program = compile_lowered(lower(lambda x: 2 * x + 1, sharding, (100, 7, 3)))
  # 100 numbers lie in 128 lanes, 7 in 8 sublanes; read and written.
  assert program.bytes_accessed == 2 * 4 * 128 * 8 * 3
  assert program.flops == 2 * 100 * 7 * 3


def test_what_does_not_fit_is_refused_in_one_line(sharding):
  def twice(x):
    return x + 1

  refusal = compile_lowered(lower(twice, sharding, (200_000, 200_000)))
  assert isinstance(refusal, Refusal)
  assert "\n" not in refusal.reason and "RESOURCE" not in refusal.reason
  limit = CHIPS["v5e"].hbm_bytes / 2**30
  assert f"({limit:.2f}G)" in refusal.reason


@pytest.mark.parametrize(
  ("topology", "chips"),
  [("v4:2x2x1", 4), ("v5e:2x4", 8), ("v5p:2x2x1", 4), ("v6e:1x1", 1)],
)
def test_a_chip_is_one_device(topology, chips):
  assert len(open_topology(topology)) == chips


@pytest.mark.parametrize("kind", CHIPS)
def test_examples_are_topologies(kind):
  assert len(open_topology(CHIPS[kind].example)) <= CHIPS[kind].most_chips


@pytest.mark.parametrize(
  ("topology", "said"),
  [
    ("v9:2x2", "v9:2x2: give the kind"),
    ("v5e", "v5e: give the kind"),
    ("v5e:3x3", "3x3.*not divisible.*such as v4:2x2x1, v5e:16x16"),
    ("v5e:two", "two.*such as"),
    ("v5e:32x32", "1024 chips, v5e slices 256 at most"),
  ],
)
def test_a_slice_that_is_not_rented_is_refused(topology, said):
  with pytest.raises(InputError, match=said) as error:
    open_topology(topology)
  assert "\n" not in str(error.value)


def test_memory_in_all():
  assert Memory(100, 20, 15, 7, 3).total == 115


def test_nothing_is_said_and_the_cpu_is_taken():
  """In a process of its own, with another that has libtpu loaded: this one."""
  open_topology("v5e:1x1")
  program = (
    "from fewshot_mss.training.tpu_compiler import open_topology\n"
    "devices = open_topology('v5e:2x2')\n"
    "import jax\n"
    "print(len(devices), devices[0].platform, jax.default_backend())\n"
  )
  without = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("JAX_", "TPU_", "ALLOW_", "XLA_"))
  }
  done = subprocess.run(
    [sys.executable, "-c", program],
    env=without,
    capture_output=True,
    text=True,
    check=False,
  )
  assert (done.stdout, done.stderr) == ("4 tpu cpu\n", "")
