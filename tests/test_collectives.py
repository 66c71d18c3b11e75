"""Collectives read from hand-written programs, counted by hand."""

from fewshot_mss.training.collectives import (
  Collective,
  count_loops,
  find_collectives,
  reduced_bytes,
)

# As XLA for TPU prints it: tiled layouts, comments in long tuples, names only.
SYNCHRONOUS = """
HloModule jit_step, is_scheduled=true

%add.1 (x.1: f32[], y.1: f32[]) -> f32[] {
  %x.1 = f32[]{:T(128)} parameter(0)
  %y.1 = f32[]{:T(128)} parameter(1)
  ROOT %add.2 = f32[]{:T(128)} add(%x.1, %y.1)
}

ENTRY %main.9 (a.1: f32[3,3,4,8], b.1: bf16[10]) -> f32[] {
  %a.1 = f32[3,3,4,8]{3,2,1,0:T(4,128)} parameter(0), metadata={op_name="a"}
  %b.1 = bf16[10]{0:T(128)(2,1)S(1)} parameter(1)
  %c.1 = f32[]{:T(128)} constant(0)
  %all-reduce.1 = (f32[3,3,4,8]{3,2,1,0:T(4,128)}, bf16[10]{0:T(128)(2,1)S(1)}, /*index=2*/f32[]{:T(128)}) all-reduce(%a.1, %b.1, /*index=2*/%c.1), channel_id=1, replica_groups={{0,1,2,3}}, to_apply=%add.1
  %get-tuple-element.4 = f32[]{:T(128)} get-tuple-element(%all-reduce.1), index=2
  ROOT %all-reduce.2 = f32[]{:T(128)} all-reduce(%get-tuple-element.4), to_apply=%add.1
}
"""  # noqa: E501

ASYNCHRONOUS = """
%async_computation (param_0.1: f32[16,8]) -> f32[4,8] {
  %param_0.1 = f32[16,8]{1,0:T(8,128)} parameter(0)
  ROOT %reduce-scatter.1 = f32[4,8]{1,0:T(4,128)} reduce-scatter(%param_0.1), dimensions={0}, to_apply=%add
}

ENTRY %main (p: f32[16,8]) -> f32[16,8] {
  %p = f32[16,8]{1,0:T(8,128)} parameter(0)
  %async-start = ((f32[16,8]{1,0:T(8,128)}), f32[4,8]{1,0:T(4,128)}, u32[]{:S(2)}) async-start(%p), calls=%async_computation
  %async-done = f32[4,8]{1,0:T(4,128)} async-done(%async-start)
  %all-gather-start = (f32[4,8]{1,0:T(4,128)}, f32[16,8]{1,0:T(8,128)}) all-gather-start(%async-done), dimensions={0}
  %all-gather-done = f32[16,8]{1,0:T(8,128)} all-gather-done(%all-gather-start)
  %all-reduce-start = pred[7]{0} all-reduce-start(%flags), to_apply=%or
  %flags = pred[7]{0} fusion(%all-gather-done), kind=kLoop, calls=%f
  ROOT %all-reduce-done = pred[7]{0} all-reduce-done(%all-reduce-start)
}
"""  # noqa: E501


def test_operands_of_a_tuple_are_added_up():
  assert find_collectives(SYNCHRONOUS) == (
    Collective("all-reduce", 2, (3 * 3 * 4 * 8 * 4 + 10 * 2 + 4) + 4),
  )


def test_started_and_finished_collectives_count_once():
  assert find_collectives(ASYNCHRONOUS) == (
    Collective("all-reduce", 1, 7),
    Collective("reduce-scatter", 1, 16 * 8 * 4),
    Collective("all-gather", 1, 4 * 8 * 4),
  )


def test_operands_with_their_types_written_out():
  line = (
    "ROOT ag = f32[8,2]{1,0} all-gather(f32[4,2]{1,0} x, s8[3]{0} y), "
    "dimensions={0}"
  )
  assert find_collectives(line) == (Collective("all-gather", 1, 32 + 3),)


def test_a_program_of_one_chip_has_none():
  assert find_collectives("%a = f32[2]{0} add(%b, %c), metadata={}") == ()


def test_halves_of_an_all_reduce_are_one():
  # 512 bytes go through a reduce-scatter and come back by the all-gather, and
  # 7 are reduced at once.
  assert reduced_bytes(find_collectives(ASYNCHRONOUS), 4) == 512 + 7
  assert reduced_bytes((), 1) == 0


def test_loops_are_counted():
  loop = (
    "  %while.3 = (s32[]{:T(128)}, f32[5,5]{1,0:T(8,128)S(1)}) while(%tuple.1)"
    ", condition=%cond, body=%body\n"
  )
  assert count_loops(loop * 2 + SYNCHRONOUS) == 2
  assert count_loops(SYNCHRONOUS) == 0
