"""The verbs `data ...` of the command line, each of which calls one function.

Here rather than in the room of the data: that one imports TensorFlow, and a
command that only prints its help does not wait for it.
"""

import argparse
import sys
from typing import TYPE_CHECKING

from fewshot_mss.terminal import show

if TYPE_CHECKING:
  from fewshot_mss.data.tracks import TrackSet


def _data_build(parsed: argparse.Namespace) -> None:
  from fewshot_mss.data.builder import build

  track_set = _read_tracks(parsed)
  for reason in track_set.skipped:
    print(f"left out: {reason}", file=sys.stderr)
  build(
    track_set,
    parsed.output,
    sample_rate_hz=parsed.sample_rate_hz,
    segment_s=parsed.segment_s,
    beam_words=[word.strip() for word in parsed.beam_options.split(",")],
    skip_bad=parsed.skip_bad,
    mixed_items=parsed.mixed_items,
    drop_copies=parsed.drop_copies,
  )
  print(
    f"wrote {parsed.output}; look with `fewshot-mss data list {parsed.output}`"
  )


def _read_tracks(parsed: argparse.Namespace) -> "TrackSet":
  """Reads the songs that `data build` was given."""
  from fewshot_mss.data.layouts.datasets import LAYOUT_OPTIONS, read_layout

  options = {name: getattr(parsed, name, None) for name in LAYOUT_OPTIONS}
  if options["unseen"] is not None:
    options["unseen"] = [name for name in parsed.unseen.split(",") if name]
  given = {
    name: value
    for name, value in options.items()
    if value is not None and value is not False
  }
  return read_layout(parsed.layout, parsed.root, given)


def _data_check(parsed: argparse.Namespace) -> None:
  from fewshot_mss.data.check import check_track_set
  from fewshot_mss.data.check_page import show_check

  report = check_track_set(_read_tracks(parsed))
  dataset = f"{parsed.root} as {parsed.layout}"
  show_check(report, dataset, as_json=parsed.json)


def _data_list(parsed: argparse.Namespace) -> None:
  from fewshot_mss.data.listing import describe_dataset, describe_labels

  if parsed.dataset is None:
    show(describe_labels())
  else:
    show(describe_dataset(parsed.dataset))


def _data_show(parsed: argparse.Namespace) -> None:
  from fewshot_mss import default_config
  from fewshot_mss.data.show import show_episode
  from fewshot_mss.data.sources import load_sources

  config = parsed.config or default_config.get_config()
  sources = load_sources(parsed.dataset)
  show_episode(sources, config, parsed.index, parsed.output)


def _data_stats(parsed: argparse.Namespace) -> None:
  from fewshot_mss.data.stats import plot_stats

  plot_stats(parsed.dataset, parsed.output)
  print(f"wrote {parsed.output}")


def _data_bench(parsed: argparse.Namespace) -> None:
  from fewshot_mss.data.throughput import INPUT_CAPTION, bench_input
  from fewshot_mss.data.throughput_table import input_table

  rows = bench_input(
    parsed.dataset, episodes=parsed.episodes, output=parsed.output
  )
  title = f"input of {parsed.dataset}"
  show(input_table(rows, title, INPUT_CAPTION))


DATA_VERBS = {
  "data build": _data_build,
  "data check": _data_check,
  "data list": _data_list,
  "data show": _data_show,
  "data stats": _data_stats,
  "data bench": _data_bench,
}
