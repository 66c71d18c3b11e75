"""Rooflines and scaling by hand, and a tiny run planned for real."""

import contextlib
import importlib.util
import io
import json

import jax
import pytest
import rich.console

from fewshot_mss import cli
from fewshot_mss.config_file import load_config
from fewshot_mss.describe import measure
from fewshot_mss.training import plan as planning
from fewshot_mss.training.collectives import Collective
from fewshot_mss.training.plan import (
  Plan,
  roofline,
  scale,
  slice_sizes,
)
from fewshot_mss.training.plan_chips import CHIPS, chip_of
from fewshot_mss.training.plan_fit import Fit
from fewshot_mss.training.plan_report import as_dict, tables
from fewshot_mss.training.tpu_compiler import Memory, Program, Refusal

GIB = 2**30
needs_libtpu = pytest.mark.skipif(
  importlib.util.find_spec("libtpu") is None, reason="libtpu is not installed"
)
TOY = CHIPS["v5e"]._replace(
  peak_flops=100.0,
  hbm_bytes_per_s=10.0,
  ici_bytes_per_s=8.0,
  torus_chips=16,
)
# The smallest step there is, for its compilation takes 10 s.
WORDS = [
  "--config=configs/tiny.py",
  "--config.train.global_batch=4",
  "--config.data.num_queries=1",
  "--config.data.max_positives=1",
]


def test_a_step_that_moves_bytes():
  # 50 / 100 s of computing hides behind 20 / 10 s of memory.
  bound = roofline(TOY, 50.0, 20.0, 25.0)
  assert bound == ("v5e", 0.5, 2.0, 2.0, 0.25, 0.125)


def test_a_step_that_computes():
  bound = roofline(TOY, 300.0, 20.0, 150.0)
  assert bound == ("v5e", 3.0, 2.0, 3.0, 1.0, 0.5)


def test_scaling_by_hand():
  # Alone: no sum. 4 chips are a mesh, at half of 8 bytes a second: 2 x 3/4 x 16
  # bytes take 6 s. 16 chips are a torus: 2 x 15/16 x 16 bytes take 3.75 s.
  assert scale(TOY, 1, 2.0, 16.0, 5) == (1, 0.0, 2.0, 1.0, 2.5)
  assert scale(TOY, 4, 2.0, 16.0, 5) == (4, 6.0, 8.0, 0.25, 2.5)
  of_16 = scale(TOY, 16, 2.0, 16.0, 5)
  assert of_16 == (16, 3.75, 5.75, 2 / 5.75, 80 / 5.75)


def test_sizes_grow_fourfold_up_to_the_slice():
  assert slice_sizes(1) == (1,)
  assert slice_sizes(4) == (1, 4)
  assert slice_sizes(8) == (1, 4, 8)
  assert slice_sizes(64) == (1, 4, 16, 64)
  assert slice_sizes(256) == (1, 4, 16, 64, 256)


def test_chips_have_what_google_says():
  assert chip_of("v5e:16x16") is CHIPS["v5e"]
  peaks = {kind: chip.peak_flops / 1e12 for kind, chip in CHIPS.items()}
  assert peaks == {"v4": 275, "v5e": 197, "v5p": 459, "v6e": 918}
  memory = {kind: chip.hbm_bytes_per_s / 1e9 for kind, chip in CHIPS.items()}
  assert memory == {"v4": 1200, "v5e": 819, "v5p": 2765, "v6e": 1638}
  # Half of the "bidirectional bandwidth per chip".
  assert CHIPS["v5p"].ici_bytes_per_s * 2 == 1200e9
  # All chips of a pod together: "all-reduce bandwidth per Pod".
  for kind, pod_chips, bytes_per_s in (
    ("v4", 4096, 1.1e15),
    ("v5e", 256, 51.2e12),
    ("v6e", 256, 102.4e12),
  ):
    assert CHIPS[kind].ici_bytes_per_s * pod_chips == pytest.approx(bytes_per_s)
  gib = {kind: chip.hbm_bytes / GIB for kind, chip in CHIPS.items()}
  said = {"v4": 30.75, "v5e": 15.75, "v5p": 95.74, "v6e": 31.25}
  assert gib == pytest.approx(said)


@pytest.fixture(scope="module")
def planned():
  """What the command prints for the tiny configuration on four chips."""
  out, err = io.StringIO(), io.StringIO()
  with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
    status = cli.main(["plan", *WORDS, "--topology=v5e:2x2", "--json"])
  return status, json.loads(out.getvalue()), err.getvalue()


@needs_libtpu
def test_a_tiny_run_fits(planned):
  status, found, progress = planned
  assert status == 0 and found["fits"] and found["refusal"] is None
  assert "1 mixtures a chip" in progress and "compiled in" in progress
  assert (found["chips"], found["mixtures_per_chip"]) == (4, 1)
  memory = found["program"]["memory"]
  total = memory["arguments"] + memory["outputs"] - memory["aliased"]
  total += memory["temporaries"] + memory["code"]
  assert 0 < memory["total"] == total < found["hbm_bytes"]


@needs_libtpu
def test_the_gradients_and_two_sums_are_what_is_sent(planned):
  _, found, _ = planned
  figures = measure(load_config(WORDS))
  assert found["parameters"] == sum(figures.parameters.values())
  # float32, and the sums of the loss and of the queries.
  sent = 4 * (found["parameters"] + 2)
  [collective] = found["program"]["collectives"]
  assert (collective["kind"], collective["operand_bytes"]) == (
    "all-reduce",
    sent,
  )
  seconds = 2 * 3 / 4 * sent / (CHIPS["v5e"].ici_bytes_per_s / 2)
  assert found["scaling"][-1]["all_reduce_s"] == pytest.approx(seconds)


@needs_libtpu
def test_the_state_gives_up_its_place(planned):
  memory = planned[1]["program"]["memory"]
  # Parameters, their average and two moments, in padded tiles.
  assert memory["aliased"] >= 4 * 4 * planned[1]["parameters"]


@needs_libtpu
def test_work_and_bounds_agree(planned):
  _, found, _ = planned
  figures = measure(load_config(WORDS))
  assert found["written_flops"] == pytest.approx(
    figures.train_step_flops / 4, rel=0.05
  )
  program = found["program"]
  # An FFT of 128 points as matrices of 128 x 128 is most of so small a net.
  assert 1 < program["flops"] / found["written_flops"] < 20
  assert found["per_query"]["flops"] == program["flops"]
  bound = next(each for each in found["rooflines"] if each["kind"] == "v5e")
  assert bound["memory_s"] == program["bytes_accessed"] / 819e9
  assert found["scaling"][0]["step_s"] == bound["step_s"]


def made_up(**changes):
  program = Program(
    memory=Memory(GIB, GIB // 2, GIB // 4, 3 * GIB, GIB // 8),
    flops=12e9,
    bytes_accessed=6e9,
    collectives=(Collective("all-reduce", 2, 8_000_000),),
    loops=0,
  )
  plan = Plan(
    topology="v5e:2x2",
    chips=4,
    mixtures_per_chip=3,
    queries=2,
    parameters=2_000_000,
    written_flops=9e9,
    compiled_s=61.0,
    program=program,
    refusal=None,
    rooflines=(roofline(CHIPS["v5e"], 12e9, 6e9, 9e9),),
    scaling=(scale(CHIPS["v5e"], 4, 6e9 / 819e9, 8e6, 3),),
    fit=None,
  )
  return plan._replace(**changes)


def shown(plan):
  console = rich.console.Console(
    file=io.StringIO(), width=120, color_system=None
  )
  console.print(tables(plan))
  return console.file.getvalue()


def test_the_tables_say_all_of_it():
  text = shown(made_up())
  for said in (
    "v5e:2x2, 4 chips",
    "12 mixtures x 2 queries, 3 mixtures a chip",
    "4.38 of 15.75 GiB (28%)",
    "-0.250 GiB",
    "12.000 GFLOP │ 4.000 GFLOP │ 2.000 GFLOP",
    "9.000 GFLOP │ 3.000 GFLOP │ 1.500 GFLOP",
    "6.000 GB │    2.000 GB │    1.000 GB",
    "2 x all-reduce",
    "8.000 MB",
    # 12 GFLOP at 197 TFLOP/s, 6 GB at 819 GB/s.
    "0.061 ms │ 7.326 ms │ 7.326 ms │          0.8% │       0.6%",
    # 12 MB at 100 GB/s.
    "4 │   0.120 ms │ 7.446 ms │      98.4% │      1,612",
  ):
    assert said in text, said
  assert "loop" not in text and "largest" not in text


def test_loops_are_warned_of():
  program = made_up().program._replace(loops=3)
  assert "3 loop(s)" in shown(made_up(program=program))


def test_json_holds_what_the_tables_say():
  found = json.loads(json.dumps(as_dict(made_up(fit=Fit(7, 9, 8, 4)))))
  assert found["fit"] == {
    "mixtures_per_chip": 7,
    "memory_bytes": 9,
    "too_many": 8,
    "tries": 4,
  }
  assert found["per_query"] == {
    "flops": 2e9,
    "bytes_accessed": 1e9,
    "written_flops": 1.5e9,
  }
  assert found["program"]["collectives"][0]["count"] == 2
  assert found["program"]["memory"]["total"] == int(4.375 * GIB)


@pytest.fixture
def compiler_of_15(monkeypatch):
  """A compiler that takes 1 GiB a mixture and has room for 15."""

  def compile_step(config, devices, mixtures):
    if mixtures > 15:
      return Refusal(f"{mixtures}G of 15G")
    return made_up().program._replace(memory=Memory(mixtures * GIB, 0, 0, 0, 0))

  monkeypatch.setattr(planning, "open_topology", lambda _: jax.devices()[:4])
  monkeypatch.setattr(planning, "compile_step", compile_step)


@pytest.mark.usefixtures("compiler_of_15")
def test_what_does_not_fit_ends_with_1(capsys):
  words = [*WORDS, "--config.train.global_batch=80", "--topology=v5e:2x2"]
  assert cli.main(["plan", *words, "--fit"]) == 1
  printed = capsys.readouterr()
  assert "does not fit in 15.75 GiB: 20G of 15G" in printed.out
  assert printed.err.splitlines()[-1] == (
    "fewshot-mss: 20 mixtures a chip do not fit on v5e:2x2: 20G of 15G"
  )
  # Halved to 10, then halfway to 20, then halfway again, and the neighbour.
  found = "60 mixtures, 15 a chip, with 15.00 GiB; 16 a chip do not fit (5"
  assert found in " ".join(printed.out.replace("│", " ").split())
  # The configuration's own batch is not compiled twice.
  assert printed.err.count(", 20 mixtures a chip") == 1


@pytest.mark.usefixtures("compiler_of_15")
def test_a_batch_that_cannot_be_shared_out_is_named(capsys):
  words = [*WORDS, "--config.train.global_batch=6", "--topology=v5e:2x2"]
  assert cli.main(["plan", *words]) == 2
  assert "train.global_batch=6" in capsys.readouterr().err


def test_without_libtpu_the_extra_is_named(capsys, monkeypatch):
  monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
  assert cli.main(["plan", *WORDS]) == 2
  said = capsys.readouterr().err
  assert "fewshot-mss[tpu]" in said and said.count("\n") == 1
