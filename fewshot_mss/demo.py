"""The main job at once: data, training, scores and a separated song.

Every part is what its own verb does; started again, it goes on where it was.
"""

import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32
from ml_collections import ConfigDict

from fewshot_mss.audio.output_folders import check_writable
from fewshot_mss.audio.writing import write_audio
from fewshot_mss.data.builder import build
from fewshot_mss.data.catalogue import load_catalogue, write_text_whole
from fewshot_mss.data.episodes import NO_RECORD
from fewshot_mss.data.evaluation_items import EvaluationItem
from fewshot_mss.data.evaluation_list import read_evaluation_list
from fewshot_mss.data.layouts.rendered import RenderSettings, rendered
from fewshot_mss.data.records import RecordReader
from fewshot_mss.data.sources import source_word
from fewshot_mss.data.whole_songs import read_song
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation import figures
from fewshot_mss.evaluation.metrics import si_sdr_db
from fewshot_mss.evaluation.report import read_summary, summary_table
from fewshot_mss.evaluation.summary import Summary, verdict
from fewshot_mss.inference.separator import Separator
from fewshot_mss.terminal import show
from fewshot_mss.training.train import train_and_evaluate

# A segment holds a few notes at least, and the list's mixtures are this long.
_SONGS = 100
_SONG_S = 24.0
_SEGMENT_S = 4.0
_SHOTS = (1, 3, 5)


class _Song(NamedTuple):
  """A song that training has not heard, separated.

  Attributes:
    item: What is asked of it.
    mixture: The whole song.
    reference: The target in it.
    estimates: The target as separated, for each number of examples.
    rate_hz: Sample rate.
  """

  item: EvaluationItem
  mixture: Float32[np.ndarray, " samples"]
  reference: Float32[np.ndarray, " samples"]
  estimates: dict[int, Float32[np.ndarray, " samples"]]
  rate_hz: int


def run_demo(config: ConfigDict, output: Path) -> None:
  """Renders songs, trains, scores, separates, and writes a report.

  Args:
    config: Of the training; `data.sources` is set to `output/data`.
    output: Folder of all results.

  Raises:
    InputError: If the output cannot be written or holds another run, or the
      network would take no examples.
  """
  if config.model.conditioning == "class":
    raise InputError(
      "model.conditioning is class, and the demo asks by examples: use "
      "`fewshot-mss train`"
    )
  begun_s = time.monotonic()
  data = output / "data"
  config.data.sources = source_word(data)
  if not data.exists():
    _say("1/4 rendering songs")
    build(
      rendered(RenderSettings(num_songs=_SONGS, song_s=_SONG_S)),
      data,
      sample_rate_hz=config.model.sample_rate_hz,
      segment_s=_SEGMENT_S,
    )
  _say("2/4 training, then scoring on songs that training has not heard")
  workdir = output / "run"
  train_and_evaluate(config, workdir)
  summary = read_summary(workdir / "evaluation")

  _say("3/4 separating a song with 1, 3 and 5 examples")
  song = _separate_song(data, Separator.from_pretrained(workdir / "model"))
  sounds = output / "separated" / song.item.song
  _write_sounds(song, sounds)

  _say("4/4 drawing figures and writing the report")
  _draw(summary, song, workdir, output / "figures")
  report = output / "report.md"
  minutes = (time.monotonic() - begun_s) / 60
  write_text_whole(report, _report(summary, song, workdir, minutes))
  show(summary_table(summary))
  for claim in verdict(summary).values():
    print(claim["statement"])
  print(f"report:  {report}\nfigures: {output / 'figures'}")
  print(f"sounds:  {sounds}\nmodel:   {workdir / 'model'}")


def _say(message: str) -> None:
  print(f"[demo] {message}", file=sys.stderr)


def _separate_song(data: Path, separator: Separator) -> _Song:
  """Separates the song of the first item of the test list.

  The first, not the best: the list is drawn before any training.
  """
  catalogue = load_catalogue(data)
  reader = RecordReader(data, catalogue)
  item = read_evaluation_list(data, "test")[0]
  mixture, reference = read_song(
    reader,
    catalogue,
    catalogue.tracks.index(item.song),
    catalogue.instruments.index(item.instrument),
  )
  records = item.spec.positive_records[0]
  examples = [reader.read(int(row)) for row in records if row != NO_RECORD]
  rate_hz = catalogue.sample_rate_hz
  estimates = {
    shots: separator.separate(
      mixture, positives=examples[:shots], rate_hz=rate_hz
    ).target[:, 0]
    for shots in _SHOTS
  }
  return _Song(item, mixture, reference, estimates, rate_hz)


def _write_sounds(song: _Song, folder: Path) -> None:
  """Writes what there is to listen to; `target` is of the most examples."""
  target = song.estimates[_SHOTS[-1]]
  sounds = {
    "mixture": song.mixture,
    "reference": song.reference,
    "target": target,
    "residual": song.mixture - target,
  }
  for shots in _SHOTS[:-1]:
    sounds[f"target_{shots}_shot"] = song.estimates[shots]
  check_writable(folder)
  for name, samples in sounds.items():
    write_audio(folder / f"{name}.wav", samples[:, None], song.rate_hz, "FLOAT")


def _draw(summary: Summary, song: _Song, workdir: Path, folder: Path) -> None:
  """Draws the three figures of the report."""
  check_writable(folder)
  figures.plot_loss(workdir / "metrics.jsonl", folder / "loss.png")
  figures.plot_shots(summary, folder / "shots.png")
  figures.plot_spectrograms(
    {
      "mixture": song.mixture,
      f"target: {song.item.instrument}": song.reference,
      f"estimate from {_SHOTS[-1]} examples": song.estimates[_SHOTS[-1]],
    },
    song.rate_hz,
    folder / "spectrograms.png",
  )


def _report(
  summary: Summary, song: _Song, workdir: Path, minutes: float
) -> str:
  """Returns the text of report.md."""
  scores = (workdir / "evaluation" / "evaluation.md").read_text("utf-8")
  mixture_db = float(si_sdr_db(song.reference, song.mixture))
  rows = "\n".join(
    f"| {shots} | {si_sdr_db(song.reference, estimate) - mixture_db:+.1f} |"
    for shots, estimate in song.estimates.items()
  )
  claims = "\n".join(
    f"- {claim['statement']}" for claim in verdict(summary).values()
  )
  sounds = f"separated/{song.item.song}"
  return f"""# What the demo showed

{claims}

Everything together took {minutes:.1f} minutes in the last start. The songs are
rendered; training heard neither the songs nor the unseen instruments below.

![loss](figures/loss.png)
![gain over the number of examples](figures/shots.png)

## One song

{song.item.song}, asked for {song.item.instrument} (the first item of the test
list), mixture {mixture_db:.1f} dB SI-SDR; sounds in `{sounds}/`.

| examples | SI-SDR improvement, dB |
|---|---|
{rows}

![spectrograms](figures/spectrograms.png)

{scores.replace("# ", "## ")}"""
