"""The main job at once: a separated song, data, training and scores.

Every part is what its own verb does; started again, it goes on where it was.
"""

import sys
import time
from pathlib import Path

from ml_collections import ConfigDict

from fewshot_mss.audio.output_folders import check_writable
from fewshot_mss.data.builder import build
from fewshot_mss.data.catalogue import write_text_whole
from fewshot_mss.data.layouts.rendered import RenderSettings, rendered
from fewshot_mss.data.sources import source_word
from fewshot_mss.demo_song import (
  SHOTS,
  SeparatedSong,
  separate_song,
  write_sounds,
)
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation import figures
from fewshot_mss.evaluation.report import read_summary, summary_table
from fewshot_mss.evaluation.summary import Summary, verdict
from fewshot_mss.inference.separator import Separator
from fewshot_mss.terminal import show
from fewshot_mss.training.train import train_and_evaluate

# A segment holds a few notes at least, and the list's mixtures are this long.
_SONGS = 100
_SONG_S = 24.0
_SEGMENT_S = 4.0


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
    _say("1/5 rendering songs")
    build(
      rendered(RenderSettings(num_songs=_SONGS, song_s=_SONG_S)),
      data,
      sample_rate_hz=config.model.sample_rate_hz,
      segment_s=_SEGMENT_S,
    )
  _say("2/5 separating one of them with the model that is there already")
  shipped = separate_song(data, Separator.from_pretrained())
  write_sounds(shipped, output / "shipped" / shipped.item.song)
  _draw_song(shipped, output / "figures" / "shipped.png")
  print(_line(shipped))

  _say("3/5 training, then scoring on songs that training has not heard")
  workdir = output / "run"
  train_and_evaluate(config, workdir)
  summary = read_summary(workdir / "evaluation")

  _say("4/5 separating that song with what was trained here")
  song = separate_song(data, Separator.from_pretrained(workdir / "model"))
  sounds = output / "separated" / song.item.song
  write_sounds(song, sounds)
  print(_line(song))

  _say("5/5 drawing figures and writing the report")
  figures.plot_loss(workdir / "metrics.jsonl", output / "figures" / "loss.png")
  figures.plot_shots(summary, output / "figures" / "shots.png")
  _draw_song(song, output / "figures" / "spectrograms.png")
  report = output / "report.md"
  minutes = (time.monotonic() - begun_s) / 60
  write_text_whole(report, _report(summary, shipped, song, workdir, minutes))
  show(summary_table(summary))
  for claim in verdict(summary).values():
    print(claim["statement"])
  print(f"report:  {report}\nfigures: {output / 'figures'}")
  print(f"sounds:  {sounds}\nmodel:   {workdir / 'model'}")


def _say(message: str) -> None:
  print(f"[demo] {message}", file=sys.stderr)


def _line(song: SeparatedSong) -> str:
  gained = ", ".join(
    f"{db:+.1f} dB with {shots}" for shots, db in song.improvements_db.items()
  )
  return (
    f"{song.item.song}, {song.item.instrument}: SI-SDR {song.mixture_db:+.1f} "
    f"dB in the mixture; {gained} examples"
  )


def _draw_song(song: SeparatedSong, path: Path) -> None:
  """Draws mixture, target and estimate."""
  check_writable(path.parent)
  figures.plot_spectrograms(
    {
      "mixture": song.mixture,
      f"target: {song.item.instrument}": song.reference,
      f"estimate from {SHOTS[-1]} examples": song.estimates[SHOTS[-1]],
    },
    song.rate_hz,
    path,
  )


def _report(
  summary: Summary,
  shipped: SeparatedSong,
  song: SeparatedSong,
  workdir: Path,
  minutes: float,
) -> str:
  """Returns the text of report.md."""
  scores = (workdir / "evaluation" / "evaluation.md").read_text("utf-8")
  rows = "\n".join(
    f"| {shots} | {shipped.improvements_db[shots]:+.1f} | {db:+.1f} |"
    for shots, db in song.improvements_db.items()
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
list), mixture {song.mixture_db:.1f} dB SI-SDR. Improvement in dB, by the model
that comes with the package, which has heard neither the song nor this SoundFont
(some of its samples are in others, too), and by the one trained here; sounds in
`shipped/{song.item.song}/` and `{sounds}/`.

| examples | the model that was there | trained here |
|---|---|---|
{rows}

![the model that was there](figures/shipped.png)
![trained here](figures/spectrograms.png)

{scores.replace("# ", "## ")}"""
