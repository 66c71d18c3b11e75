"""What a compiled program sends between chips, read from its text."""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

_KINDS = (
  "all-reduce",
  "reduce-scatter",
  "all-gather",
  "all-to-all",
  "collective-permute",
  "collective-broadcast",
)
# `%name = TYPE operation(%operand, %operand), attributes`; a TYPE that is a
# tuple has blanks and comments in it, but no blank before its first bracket.
_INSTRUCTION = re.compile(
  r"^\s*(?:ROOT )?%?(?P<name>[\w.-]+) = (?P<type>\(.*?\)|\S+) "
  r"(?P<operation>[a-z][\w-]*)\((?P<operands>.*?)\)(?=, [a-z_]+=|$)",
  re.MULTILINE,
)
_ARRAY = re.compile(r"\b([a-z]+\d*\w*)\[([\d,]*)\]")
_COMMENT = re.compile(r"/\*.*?\*/")
_NAME = re.compile(r"%?([\w.-]+)$")


class Collective(NamedTuple):
  """All collectives of one kind in a program.

  Attributes:
    kind: `all-reduce` and the like; started and finished ones count once.
    count: How many.
    operand_bytes: That each chip puts in, tiles not padded.
  """

  kind: str
  count: int
  operand_bytes: int


def find_collectives(hlo: str) -> tuple[Collective, ...]:
  """Reads the collectives of a compiled program.

  Args:
    hlo: `compiled.as_text()`: an instruction a line. One in the body of a loop
      counts once, however often the loop turns.

  Returns:
    One entry for each kind that there is.
  """
  types, found = {}, []
  for match in _INSTRUCTION.finditer(_without_layouts(hlo)):
    types[match["name"]] = match["type"]
    kind = match["operation"].removesuffix("-start")
    if kind in _KINDS:
      found.append((kind, match["operands"]))
  return tuple(
    Collective(
      kind,
      sum(each == kind for each, _ in found),
      sum(
        _operand_bytes(operands, types)
        for each, operands in found
        if each == kind
      ),
    )
    for kind in _KINDS
    if any(each == kind for each, _ in found)
  )


def count_loops(hlo: str) -> int:
  """Counts the loops of a compiled program, whose bodies are priced once."""
  return sum(
    match["operation"] == "while"
    for match in _INSTRUCTION.finditer(_without_layouts(hlo))
  )


def reduced_bytes(collectives: Sequence[Collective], chips: int) -> float:
  """Returns how many bytes are added up over all chips.

  Args:
    collectives: Of the program.
    chips: That it was compiled for. A reduce-scatter with the all-gather after
      it is an all-reduce; the all-gather's operand is a chip's share.
  """
  of_kind = {each.kind: each.operand_bytes for each in collectives}
  halves = of_kind.get("reduce-scatter", 0)
  halves += chips * of_kind.get("all-gather", 0)
  return of_kind.get("all-reduce", 0) + halves / 2


def _without_layouts(hlo: str) -> str:
  """Drops comments and `{1,0:T(8,128)}`, whose brackets are no tuple's."""
  return re.sub(r"(?<=\])\{[^{}]*\}", "", _COMMENT.sub("", hlo))


def _operand_bytes(operands: str, types: dict[str, str]) -> int:
  """Adds up arrays that are named, or written out before their names."""
  total = 0
  for operand in re.split(r",(?![^\[]*\])", operands):
    written = _ARRAY.search(operand)
    name = _NAME.search(operand.strip())
    total += _bytes(operand if written else types.get(name[1], ""))
  return total


def _bytes(type_text: str) -> int:
  """Returns the bytes of all arrays of a type: `(f32[2,3], bf16[])`: 26."""
  return sum(
    math.prod(int(size) for size in shape.split(",") if size)
    * _item_bits(item)
    // 8
    for item, shape in _ARRAY.findall(type_text)
  )


def _item_bits(item: str) -> int:
  """Returns the bits of `f32`, `bf16`, `pred`, `f8e4m3fn`, `c64`."""
  # As XLA stores a truth value: a byte.
  return 8 if item == "pred" else int(re.search(r"\d+", item)[0])
