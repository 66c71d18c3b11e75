"""`fewshot-mss separate`: songs in, two files a song out."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from tqdm import tqdm

from fewshot_mss.audio import files
from fewshot_mss.errors import InputError
from fewshot_mss.inference.inputs import check_channels, load_song
from fewshot_mss.inference.separator import Separation, Separator

PARTS = ("target", "residual")
_BITS = {"PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}


def separate_command(
  songs: Sequence[Path],
  positives: Sequence[str],
  negatives: Sequence[str],
  model: Path,
  output: Path,
  instrument: str | None = None,
  overwrite: bool = False,
  progress: bool = True,
) -> list[Path]:
  """Writes `output/<song>/target.wav` and `residual.wav` for every song.

  Both have the song's rate, channels, length and subtype, and sum to it. All
  that can be checked is checked before anything is computed or written.

  Args:
    songs: Audio files.
    positives: Examples of the instrument: files, or `song.wav@1:02-1:09`.
    negatives: Examples of what is not asked for.
    model: An archive.
    output: Folder; made if it is not there.
    instrument: For a model that is asked by name, instead of examples.
    overwrite: Whether files that are there may be replaced.
    progress: Whether to draw a progress bar.

  Returns:
    The files written.

  Raises:
    InputError: If a song, an example, the model or the output cannot be used.
  """
  folders = _check_songs(songs, output, overwrite)
  separator = Separator.from_pretrained(model)
  # Loads the examples, so all of them are usable from here on.
  condition = separator.condition(
    positives=positives, negatives=negatives, instrument=instrument
  )
  written = []
  for song, folder in zip(songs, folders, strict=True):
    with tqdm(desc=song.name, unit="patch", disable=not progress) as bar:

      def show(done: int, total: int, bar: tqdm = bar) -> None:
        bar.total = total
        bar.update(done - bar.n)

      separation = separator.separate_with(song, condition, progress=show)
    subtype = files.wav_subtype(files.audio_info(song))
    written += _write(separation, folder, subtype)
  return written


def _check_songs(
  songs: Sequence[Path], output: Path, overwrite: bool
) -> list[Path]:
  """Checks that the songs can be read; returns where each one goes."""
  if not songs:
    raise InputError("no song to separate: name at least one audio file")
  folders = [output / song.stem for song in songs]
  for i, (song, folder) in enumerate(zip(songs, folders, strict=True)):
    check_channels(files.audio_info(song).channels, str(song))
    if folder in folders[:i]:
      other = songs[folders.index(folder)]
      raise InputError(
        f"{song} and {other} would both be written to {folder}: rename one, or "
        "separate them into two outputs"
      )
    for part in PARTS:
      path = folder / f"{part}.wav"
      if path.is_dir():
        raise InputError(f"{path} is a folder: choose another output")
      if path.exists() and not overwrite:
        raise InputError(
          f"{path} is there already: choose another output, or give --overwrite"
        )
    # No folder is made yet: what it would be made in must be writable.
    files.check_writable(
      next(place for place in (folder, *folder.parents) if place.exists())
    )
  for song in songs:
    # Read to the end, and again later: the last of many songs may be damaged,
    # and to hold them all would take too much memory.
    load_song(song, None)
  return folders


def _write(separation: Separation, folder: Path, subtype: str) -> list[Path]:
  target, residual = separation.target, separation.residual
  if subtype in _BITS:
    target, residual = in_steps(target, separation.mixture, _BITS[subtype])
  files.check_writable(folder)
  paths = [folder / f"{part}.wav" for part in PARTS]
  for path, samples in zip(paths, (target, residual), strict=True):
    files.write_audio(path, samples, separation.rate_hz, subtype)
  return paths


def in_steps(
  target: Float32[np.ndarray, "samples channels"],
  mixture: Float32[np.ndarray, "samples channels"],
  bits: int,
) -> tuple[
  Float32[np.ndarray, "samples channels"],
  Float32[np.ndarray, "samples channels"],
]:
  """Rounds two parts of a song to the steps of a file of integers.

  Rounding or clipping each part by itself would break their sum: the target is
  rounded, and moved by what either could not hold, and the residual is the
  rest.

  Args:
    target: What was asked for.
    mixture: The song, within two times full scale.
    bits: Of a sample in the file.

  Returns:
    Target and residual, both within full scale. Up to 24 bits they sum to the
    mixture to the last bit.
  """
  scale = 2.0 ** (bits - 1)
  whole = np.rint(mixture.astype(np.float64) * scale)
  lowest = np.maximum(-scale, whole - (scale - 1))
  highest = np.minimum(scale - 1, whole + scale)
  part = np.rint(target.astype(np.float64) * scale)
  part = np.clip(part, lowest, highest)
  parts = (part / scale, (whole - part) / scale)
  return parts[0].astype(np.float32), parts[1].astype(np.float32)
