"""What tests of `separate` share: small songs, and requests for them."""

from pathlib import Path

import numpy as np
import soundfile

from fewshot_mss import cli
from fewshot_mss.inference.command import Voice, separate_command
from fewshot_mss.inference.request import Request, Target


def noise(samples, channels, seed=0):
  rng = np.random.default_rng(seed)
  return rng.uniform(-1, 1, (samples, channels)).astype(np.float32)


def write_song(path, subtype=None, rate_hz=8000, channels=2, samples=2500):
  path.parent.mkdir(exist_ok=True, parents=True)
  soundfile.write(path, noise(samples, channels), rate_hz, subtype=subtype)
  return path


def everything(folder):
  """Names of all that lies in a folder, hidden files too."""
  return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


class Lines(list):
  """Collects what a run says."""

  def __call__(self, line):
    self.append(line)


def written(out):
  """Returns the lines that tell of files, without pages and presence."""
  return [
    line
    for line in out.splitlines()
    if line.startswith(("wrote ", "would write "))
  ]


def separate(songs, targets, model, output, warn=None, **more):
  """Separates by examples, or by `Target`s; returns the report."""
  if not isinstance(songs, (list, tuple)):
    songs = [songs]
  if not isinstance(targets, (list, tuple)):
    targets = [targets]
  if targets and not isinstance(targets[0], Target):
    targets = [Target(positives=[str(clip) for clip in targets])]
  request = Request(
    [str(song) for song in songs],
    targets,
    Path(model),
    output,
    **{"progress": False, **more},
  )
  return separate_command(
    request, Voice(Lines(), Lines(), Lines() if warn is None else warn)
  )


def paths_of(report):
  return [path for one in report.songs for path in one.plan.paths]


def read_parts(report, dtype="float64"):
  """Returns the parts of all songs of a report."""
  return [
    soundfile.read(path, dtype=dtype, always_2d=True)[0]
    for path in paths_of(report)
  ]


def runner(model, capfd):
  """Returns what runs `separate` here, with one example that it writes."""
  soundfile.write("horn.wav", noise(9000, 1), 8000)

  def command(*words, status=0, complains=False):
    capfd.readouterr()
    words = [*map(str, words)]
    if "-p" not in words and "--" not in words:
      words += ["-p", "horn.wav"]
    # What is given last counts.
    made = cli.main(["separate", "-o=out", "-m", str(model), *words])
    out, err = capfd.readouterr()
    assert made == status, err
    assert "Traceback" not in err
    if status:
      assert err.splitlines()[-1].startswith("fewshot-mss: ")
    elif not complains:
      assert err == ""
    return out, err

  return command


def refused(run, *words, said):
  before = everything(Path())
  out, err = run(*words, status=2)
  assert out == ""
  assert err.count("\n") == 1
  assert said in err
  assert everything(Path()) == before


def sums(song, folder):
  """Checks that the parts of a song have its form and sum to it."""
  info = soundfile.info(song)
  parts = []
  for part in ("target", "residual"):
    path = Path("out") / folder / f"{part}.wav"
    made = soundfile.info(path)
    assert (made.samplerate, made.channels, made.frames, made.subtype) == (
      info.samplerate,
      info.channels,
      info.frames,
      info.subtype,
    )
    parts.append(soundfile.read(path, dtype="float64")[0])
  mixture = soundfile.read(song, dtype="float64")[0]
  atol = 0 if info.subtype.startswith("PCM") else 2e-7
  np.testing.assert_allclose(sum(parts), mixture, rtol=0, atol=atol)


def broken(name):
  """Makes a file that is no song; returns what is said of it."""
  path = Path(name)
  if name == "empty.wav":
    path.touch()
    return "is empty (0 bytes)"
  if name == "none.wav":
    soundfile.write(path, np.zeros((0, 1)), 8000)
    return "holds no samples"
  if name == "text.wav":
    path.write_text("This is no audio.")
    return "cannot be read as audio"
  if name == "cut.wav":
    write_song(path)
    path.write_bytes(path.read_bytes()[:5000])
    return "ends before its header says"
  if name == "cut.flac":
    write_song(path, samples=50_000)
    path.write_bytes(path.read_bytes()[:40_000])
    return "cut.flac"
  if name == "wide.wav":
    write_song(path, channels=8)
    return "has 8 channels"
  if name in ("nan.wav", "infinite.wav"):
    sound = noise(50_000, 1)
    sound[49_000] = np.nan if name == "nan.wav" else np.inf
    soundfile.write(path, sound, 8000, "FLOAT")
    return "holds NaN or infinite samples"
  path.mkdir()
  return "holds no audio file"
