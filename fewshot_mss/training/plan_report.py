"""A plan for people, as tables, and for programs, as JSON."""

import json
import sys
from typing import Any

from ml_collections import ConfigDict
from rich.console import Group
from rich.table import Table
from rich.text import Text

from fewshot_mss.errors import RunError
from fewshot_mss.terminal import show
from fewshot_mss.training.plan import Plan, make_plan
from fewshot_mss.training.plan_chips import chip_of
from fewshot_mss.training.tpu_compiler import Program

_GIB = 2**30
_NOTES = (
  "Nothing here was measured. FLOPs: the compiled program's, in which an FFT "
  "may count as matrix products; as written: forward, backward and optimiser "
  "as `describe` counts. Bytes: read and written by all operations of the "
  "compiled program, tiles padded to 8 x 128, buffers in on-chip memory too, "
  "so that they bound the traffic of HBM, and the time for it, from above. A "
  "product of float32 counts once, also where it is the sum of 3 or 6 of "
  "bfloat16, so that the time of computing is a bound from below."
)
_LOOP_NOTE = (
  "The program has {loops} loop(s): FLOPs, bytes and collectives hold a single "
  "turn of each, and the times below are too short by that."
)


def show_plan(
  config: ConfigDict, topology: str, *, with_fit: bool, as_json: bool
) -> None:
  """Makes a plan and prints it; progress goes to stderr.

  Args:
    config: Of the run.
    topology: `v5e:16x16` and the like.
    with_fit: Whether to look for the largest batch that fits.
    as_json: Whether to print a JSON object instead of tables.

  Raises:
    InputError: If configuration or topology are not sound.
    RunError: If the train step does not fit; everything is printed by then.
  """
  plan = make_plan(
    config,
    topology,
    with_fit=with_fit,
    tell=lambda line: print(line, file=sys.stderr, flush=True),
  )
  if as_json:
    print(json.dumps(as_dict(plan), indent=2, allow_nan=False))
  else:
    show(tables(plan))
  if plan.refusal:
    raise RunError(
      f"{plan.mixtures_per_chip} mixtures a chip do not fit on {topology}: "
      f"{plan.refusal}"
    )


def as_dict(plan: Plan) -> dict[str, Any]:
  """Returns a plan as what JSON holds: names as in the code, SI units.

  Args:
    plan: Of `make_plan`.

  Returns:
    `program` is null if the step does not fit, `fit` if it was not asked for.
  """
  fields = _plain(plan)
  chip = chip_of(plan.topology)
  fields["hbm_bytes"] = chip.hbm_bytes
  fields["fits"] = plan.refusal is None
  if plan.program:
    fields["program"]["memory"]["total"] = plan.program.memory.total
    queries = plan.mixtures_per_chip * plan.queries
    fields["per_query"] = {
      "flops": plan.program.flops / queries,
      "bytes_accessed": plan.program.bytes_accessed / queries,
      "written_flops": plan.written_flops / queries,
    }
  return fields


def _plain(value: Any) -> Any:
  """Turns named tuples into dicts, all the way down."""
  if hasattr(value, "_asdict"):
    return {key: _plain(each) for key, each in value._asdict().items()}
  if isinstance(value, tuple):
    return [_plain(each) for each in value]
  return value


def tables(plan: Plan) -> Group:
  """Returns a plan as something that `rich.print` shows."""
  parts = [_head(plan)]
  if plan.program:
    parts += [_work(plan, plan.program)]
    if plan.program.loops:
      parts.append(
        Text(_LOOP_NOTE.format(loops=plan.program.loops), style="bold red")
      )
    parts += [_rooflines(plan), _scaling(plan), Text(_NOTES)]
  return Group(*parts)


def _head(plan: Plan) -> Table:
  """Returns the sizes, and what fits."""
  chip = chip_of(plan.topology)
  table = Table("what", "value", show_header=False)
  table.add_row("slice", f"{plan.topology}, {plan.chips} chips")
  table.add_row("parameters", f"{plan.parameters:,}")
  table.add_row(
    "batch",
    f"{plan.chips * plan.mixtures_per_chip} mixtures x {plan.queries} queries, "
    f"{plan.mixtures_per_chip} mixtures a chip",
  )
  table.add_row("compilation", f"{plan.compiled_s:.0f} s")
  table.add_section()
  limit = f"{chip.hbm_bytes / _GIB:.2f} GiB"
  if plan.program:
    memory = plan.program.memory
    table.add_row(
      "HBM a chip",
      f"{memory.total / _GIB:.2f} of {limit} "
      f"({memory.total / chip.hbm_bytes:.0%})",
    )
    for name in ("arguments", "temporaries", "outputs", "aliased", "code"):
      sign = "-" if name == "aliased" else ""
      size = getattr(memory, name) / _GIB
      table.add_row(f"  {name}", f"{sign}{size:.3f} GiB")
  else:
    table.add_row("HBM a chip", f"does not fit in {limit}: {plan.refusal}")
  if plan.fit:
    fit = plan.fit
    table.add_row(
      "largest batch found",
      f"{fit.mixtures_per_chip * plan.chips} mixtures, "
      f"{fit.mixtures_per_chip} a chip, with "
      f"{fit.memory_bytes / _GIB:.2f} GiB; {fit.too_many} a chip do not fit "
      f"({fit.tries} tries)",
    )
  return table


def _work(plan: Plan, program: Program) -> Table:
  """Returns FLOPs, bytes and collectives."""
  table = Table(title="Work of one step", title_justify="left")
  table.add_column("what")
  mixtures = plan.mixtures_per_chip
  shares = {"chip": 1, "mixture": mixtures, "query": mixtures * plan.queries}
  for heading in shares:
    table.add_column(f"a {heading}", justify="right")
  for name, amount, unit in (
    ("FLOPs, compiled", program.flops, "GFLOP"),
    ("FLOPs, as written", plan.written_flops, "GFLOP"),
    ("bytes accessed", program.bytes_accessed, "GB"),
  ):
    table.add_row(
      name,
      *(f"{amount / share / 1e9:,.3f} {unit}" for share in shares.values()),
    )
  table.add_section()
  for each in program.collectives:
    table.add_row(
      f"{each.count} x {each.kind}", f"{each.operand_bytes / 1e6:,.3f} MB"
    )
  if not program.collectives:
    table.add_row("collectives", "none")
  return table


def _rooflines(plan: Plan) -> Table:
  """Returns the bounds on the time of a step."""
  table = Table(
    title=f"Roofline of the program compiled for {plan.topology}",
    title_justify="left",
    caption="of other chips: what this same program would take there",
    caption_justify="left",
  )
  table.add_column("chip")
  for heading in (
    "compute",
    "memory",
    "step",
    "share of peak",
    "as written",
  ):
    table.add_column(heading, justify="right")
  for each in plan.rooflines:
    table.add_row(
      each.kind,
      *(
        f"{seconds * 1e3:.3f} ms"
        for seconds in (each.compute_s, each.memory_s, each.step_s)
      ),
      f"{each.share_of_peak:.1%}",
      f"{each.written_share_of_peak:.1%}",
    )
  return table


def _scaling(plan: Plan) -> Table:
  """Returns slices of growing size with a batch that grows as they do."""
  table = Table(
    title=f"Weak scaling, {plan.mixtures_per_chip} mixtures a chip",
    title_justify="left",
    caption="an estimate: no overlap of the sum with computing, no waiting for "
    "data",
    caption_justify="left",
  )
  for heading in ("chips", "all-reduce", "step", "efficiency", "episodes/s"):
    table.add_column(heading, justify="right")
  for each in plan.scaling:
    table.add_row(
      str(each.chips),
      f"{each.all_reduce_s * 1e3:.3f} ms",
      f"{each.step_s * 1e3:.3f} ms",
      f"{each.efficiency:.1%}",
      f"{each.mixtures_per_s:,.0f}",
    )
  return table
