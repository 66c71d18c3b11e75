"""Songs, examples and names as people have them, through the command line."""

import io
import json
import os
import resource
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fewshot_mss import cli
from fewshot_mss.export.archive import save_archive
from fewshot_mss.inference.profile_files import save_profile
from fewshot_mss.inference.profiles import make_profile
from fewshot_mss.inference.separator import Separator
from separating import everything, noise, write_song, written
from tiny_archive import (
  INSTRUMENTS,
  MODEL,
  TRAINING,
  random_params,
  write_archive,
)

ODD_NAMES = (
  "two words.wav",
  'it\'s "quoted" `$HOME`.wav',
  "line\nbreak.wav",
  "🎷 sax.wav",
  "e\u0301.wav",
  "-song.wav",
  "--config=x.wav",
  "song.wav@0-1.wav",
  "%s {0} 100%.wav",
  ".hidden.wav",
  "x" * 250 + ".wav",
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
  return write_archive(tmp_path_factory.mktemp("archive") / "model")


@pytest.fixture
def run(model, tmp_path, monkeypatch, capfd):
  """Runs `separate` in an empty folder with one example in it."""
  monkeypatch.chdir(tmp_path)
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


# ---- Sound.


@pytest.mark.parametrize("rate_hz", [3_000, 8_000, 48_000, 192_000])
@pytest.mark.parametrize("samples", [1, 4_001])
def test_any_rate_and_length(run, rate_hz, samples):
  song = write_song(Path("song.wav"), rate_hz=rate_hz, samples=samples)
  run(song)
  sums(song, "song")


@pytest.mark.parametrize(
  "sound",
  [
    np.full(3000, 0.5),
    np.where(np.arange(3000) % 40 < 20, 1.0, -1.0),
    np.zeros(3000),
    np.full(3000, -1.0),
  ],
  ids=["constant", "square", "silence", "lowest"],
)
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_sound_that_is_no_music(run, sound, subtype):
  soundfile.write("song.wav", sound, 8000, subtype)
  run("song.wav")
  sums("song.wav", "song")


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


BROKEN = (
  *("empty.wav", "none.wav", "text.wav", "cut.wav", "cut.flac", "wide.wav"),
  *("nan.wav", "infinite.wav", "folder.wav"),
)


@pytest.mark.parametrize("name", BROKEN)
def test_one_song_that_cannot_be_used_is_refused(run, name):
  said = broken(name)
  before = everything(Path())
  out, err = run(name, status=2)
  assert written(out) == []
  assert err.count("\n") == 1
  assert name in err and said in err
  left = set(everything(Path())) - set(before)
  # What is wrong with the sound itself is found on the way.
  assert left <= {"out", f"out/{Path(name).stem}"}


@pytest.mark.parametrize("name", [n for n in BROKEN if n != "folder.wav"])
def test_a_broken_song_among_others_is_the_one_that_fails(run, name):
  said = broken(name)
  good = [write_song(Path(f"{n}.wav"), samples=1500) for n in ("a", "z")]
  out, err = run(good[0], name, good[1], status=1)
  assert written(out) == [
    f"wrote out/{song}/{part}.wav"
    for song in "az"
    for part in ("target", "residual")
  ]
  first, last = err.splitlines()
  assert name in first and said in first
  assert last == ("fewshot-mss: 1 of 3 songs failed; the lines above say why")
  for song in good:
    sums(song, song.stem)
  assert not [path for path in everything(Path("out")) if "writing" in path]
  assert not list(Path("out").glob(f"{Path(name).stem}/*"))


def test_a_mislabelled_song_is_read_as_what_it_is(run):
  soundfile.write("really.wav", noise(3000, 2), 8000, "PCM_24", format="FLAC")
  out, _ = run("really.wav")
  assert written(out)[0] == "wrote out/really/target.flac"
  assert soundfile.info("out/really/target.flac").subtype == "PCM_24"


# ---- Examples.


def test_examples_that_cannot_be_used_are_refused_before_anything(run):
  song = write_song(Path("song.wav"))
  for name in BROKEN:
    if name == "wide.wav":
      continue
    said = broken(name)
    refused(run, song, "-p", "horn.wav", name, said=said)
  soundfile.write("short.wav", noise(80, 1), 8000)
  soundfile.write("silent.wav", np.zeros(9000), 8000)
  refused(run, song, "-p", "short.wav", said="short.wav is 0.010 s long")
  refused(run, song, "-p", "silent.wav", said="silent.wav is silent")
  refused(run, song, "-p", "absent.wav", said="absent.wav: no such file")
  refused(run, song, "-p", "song.wav@1:00-1:01", said="ends at 0:00.31")
  refused(run, song, "-p", "song.wav@5-2", said="must end after it starts")
  refused(run, song, "-p", "song.wav@5-x", said="is no time range")
  refused(run, song, "-p", "horn.wav", "-n", "horn.wav", said="negative")
  refused(run, song, "--instrument=horn", said="by examples")
  refused(run, song, "-p", "x" * 300, said="File name too long")
  refused(run, "x" * 300, said="File name too long")


def test_a_folder_of_examples_is_all_of_them(run):
  song = write_song(Path("song.wav"))
  for number in range(3):
    write_song(Path("horns") / f"{number}.wav", samples=3000)
  Path("horns/notes.txt").touch()
  run(song, "-p", "horns", "--target=x", "-p", "song.wav", status=2)
  run(song, "-p", "horns")
  by_folder = Path("out/song/target.wav").read_bytes()
  files = [f"horns/{number}.wav" for number in range(3)]
  run(song, "-p", *files, "--overwrite")
  assert Path("out/song/target.wav").read_bytes() == by_folder


# ---- Names.


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_name_of_a_file_will_do(run, name):
  song = write_song(Path(name))
  clip = ["-p", f"./{name}"]
  for words in ([*clip, "--", name], [f"./{name}", *clip, "--overwrite"]):
    out, _ = run(*words)
    # One line a file, whatever is in the name.
    assert len(written(out)) == 2
    sums(song, Path(name).stem)


def test_a_name_that_is_no_text_can_be_said(run):
  name = os.fsdecode(b"caf\xe9.wav")
  song = write_song(Path("song.wav")).rename(name)
  out, _ = run(name)
  assert written(out)[0].startswith("wrote out/caf")
  Path("out", Path(name).stem).rename("out/song")
  sums(song.rename("song.wav"), "song")
  Path("song.wav").rename(name)
  out, _ = run(name, "--json", "--overwrite")
  assert json.loads(out)["songs"][0]["song"] == name
  os.truncate(name, 100)
  run(name, status=2)


def test_a_line_break_in_a_name_stays_in_the_line(run):
  refused(run, "line\nbreak.wav", said="line\\nbreak.wav: no such file")


# ---- Where to.


def test_an_output_that_cannot_be_written_is_named_before_anything(run):
  song = write_song(Path("song.wav"))
  Path("file").touch()
  for output in ("file", "file/below", "/proc/out", "x" * 300):
    refused(run, song, f"-o={output}", said="cannot be written")


def test_a_disk_that_is_full_at_the_last_byte_of_a_part(run):
  song = write_song(Path("song.wav"), samples=40_000)
  run(song, "--format=mp3")
  sizes = [path.stat().st_size for path in Path("out/song").iterdir()]
  soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
  # libsndfile does not tell; a part that fits gets no name either.
  resource.setrlimit(resource.RLIMIT_FSIZE, (max(sizes) - 1, hard))
  try:
    _, err = run(song, "--format=mp3", "-o=full", status=1)
  finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
  assert "cannot be written" in err and "1 of 1 songs failed" in err
  assert everything(Path("full")) == ["song"]


def test_one_target_to_standard_output(run, monkeypatch):
  song = write_song(Path("song.flac"), samples=3000)
  run(song)
  expected = soundfile.read("out/song/target.flac", dtype="int16")[0]
  before = everything(Path())
  pipe = io.TextIOWrapper(io.BytesIO())
  with monkeypatch.context() as patch:
    patch.setattr(sys, "stdout", pipe)
    out, err = run(song, "-o=-", complains=True)
  # The rest is said on standard error.
  assert out == ""
  assert "horn.wav" in err and "target: " in err
  assert everything(Path()) == before
  out = pipe.buffer.getvalue()
  assert out[:4] == b"RIFF"
  sound, rate_hz = soundfile.read(io.BytesIO(out), dtype="int16")
  assert rate_hz == 8000
  np.testing.assert_array_equal(sound, expected)


def test_standard_output_takes_one_target_of_one_song_alone(run):
  song = write_song(Path("song.wav"))
  other = write_song(Path("other.wav"))
  refused(run, song, other, "-o=-", said="1 targets of 2 songs")
  words = ["--target=a", "-p", "horn.wav", "--target=b", "-p", "horn.wav"]
  refused(run, song, "-o=-", *words, said="2 targets of 1 songs")
  broken("nan.wav")
  out, err = run("nan.wav", "-o=-", status=2)
  assert out == ""
  assert "nan.wav holds NaN" in err.splitlines()[-1]


# ---- Programs.


def test_json_is_all_there_is_on_standard_output(run):
  song = write_song(Path("song.wav"))
  broken("empty.wav")
  before = everything(Path())
  words = ["song.wav", "--target", "x", "-p", "horn.wav", "--json"]
  planned = json.loads(run(*words, "--dry_run")[0])
  assert everything(Path()) == before
  made = json.loads(run(*words)[0])
  for report in (planned, made):
    assert report["status"] == 0
    assert report["model"]["rate_hz"] == 8000
    assert report["targets"][0]["name"] == "x"
    assert report["targets"][0]["positives"] == ["horn.wav"]
    (one,) = report["songs"]
    assert one["song"] == "song.wav"
    assert (one["rate_hz"], one["channels"], one["num_samples"]) == (
      8000,
      2,
      2500,
    )
    assert one["song_s"] == 0.312
    assert [output["path"] for output in one["outputs"]] == [
      "out/song/x.wav",
      "out/song/residual.wav",
    ]
  assert planned["dry_run"] and planned["songs"][0]["took_s"] is None
  assert made["songs"][0]["took_s"] > 0
  failed = json.loads(
    run("empty.wav", song, "--json", "--overwrite", status=1)[0]
  )
  assert failed["status"] == 1
  assert "0 bytes" in failed["songs"][0]["error"]
  assert failed["songs"][0]["num_samples"] is None


class Terminal(io.StringIO):
  """Where bars are drawn."""

  def isatty(self):
    return True


def test_bars_are_drawn_on_a_terminal_alone(run, monkeypatch):
  write_song(Path("one\ntwo.wav"))
  for words, drawn in (([], True), (["--json"], False)):
    terminal = Terminal()
    with monkeypatch.context() as patch:
      patch.setattr(sys, "stderr", terminal)
      run("one\ntwo.wav", "--overwrite", *words)
    bars = terminal.getvalue()
    assert ("one\\ntwo.wav: 100%" in bars) == drawn
    # 2500 samples are 4 patches of 1024 that share half, in 2 channels.
    assert ("8/8" in bars) == drawn


# ---- What is said of examples and of the target.


def test_the_examples_are_looked_at_before_and_the_target_after(run):
  song = write_song(Path("song.wav"))
  clipped = np.clip(3 * noise(9000, 1, 4), -0.9, 0.9)
  soundfile.write("clipped.wav", clipped, 8000)
  words = [song, "--target=x", "-p", "horn.wav", "clipped.wav", "horn.wav"]
  out, _ = run(*words)
  table, after = out.split("wrote ", 1)
  assert "what shows x" in table
  assert table.count("horn.wav") >= 2
  assert "clipped.wav is clipped" in table
  assert "horn.wav says the same as horn.wav" in " ".join(table.split())
  assert "\nx: " in after
  report = json.loads(run(*words, "--overwrite", "--json")[0])
  coached = report["coach"]["x"]
  assert [one["name"] for one in coached["examples"]] == [
    "horn.wav",
    "clipped.wav",
    "horn.wav",
  ]
  assert 1 <= coached["effective_count"] < 3
  assert coached["examples"][0]["length_s"] == 1.125
  there = report["songs"][0]["presence"]["x"]
  assert set(there) >= {"absent", "probability", "spans_s"}
  assert 0 < there["probability"] < 1


def test_a_dry_run_says_what_would_be_done(run):
  song = write_song(Path("song.wav"))
  out, _ = run(song, "--dry_run", "--quality=best")
  lines = out.splitlines()
  assert lines[0].startswith("model ")
  assert lines[0].endswith("8000 Hz), quality best")
  assert written(out) == [
    "would write out/song/target.wav",
    "would write out/song/residual.wav",
  ]
  (cost,) = (line for line in lines if line.startswith("would separate"))
  assert "song.wav (0:00.312, 2 channels, 8000 Hz)" in cost
  patches = int(cost.split()[-5])
  report = json.loads(run(song, "--dry_run", "--json")[0])
  # 2500 samples are 4 patches of 1024 that share half, in 2 channels.
  assert report["songs"][0]["patches"] == 8
  assert patches > 2 * 8


def test_an_absent_target_is_said_to_be_and_muted_by_the_gate(
  run, tmp_path_factory
):
  # By this model's own figures no level is enough.
  never = {"moment": [-20.0, 0.0], "song": [-20.0, 0.0]}
  strict = tmp_path_factory.mktemp("strict") / "model"
  save_archive(
    strict,
    random_params(),
    model=MODEL,
    instruments=INSTRUMENTS,
    training=TRAINING | {"presence": never},
  )
  song = write_song(Path("song.wav"))
  out, _ = run(song, "-m", strict)
  assert "target: absent from the whole song, 100 % sure" in out
  assert soundfile.read("out/song/target.wav")[0].any()
  out, _ = run(song, "-m", strict, "--gate", "--overwrite")
  assert "target: absent" in out
  assert not soundfile.read("out/song/target.wav")[0].any()
  sums(song, "song")


def test_a_profile_is_worth_the_examples_it_was_made_of(run, model):
  song = write_song(Path("song.wav"))
  for number in (1, 2):
    soundfile.write(f"{number}.wav", noise(4000, 1, number), 8000)
  run(song, "-p", "1.wav", "2.wav")
  by_examples = Path("out/song/target.wav").read_bytes()
  separator = Separator.from_pretrained(model)
  heard = separator.listener.hear_each(["2.wav"], None, "positive")
  kept = make_profile("bugle", separator.archive.content_hash, heard)
  folder = Path("with profiles")
  shutil.copytree(model, folder)
  save_profile(folder / "profiles" / "bugle.profile", kept)
  words = [song, "-p", "1.wav", "--overwrite", "--profile"]
  for named in ("with profiles/profiles/bugle.profile", "Bugle"):
    run(*words, named, "-m", folder)
    assert Path("out/song/target.wav").read_bytes() == by_examples
  # Without any other example there is nothing to coach.
  out, _ = run("--profile=bugle", "-m", folder, "-o=alone", "--", song)
  assert "example" not in out
  assert Path("alone/song/target.wav").read_bytes() != by_examples
  other = write_archive(Path("other"), film_site="decoder")
  profile = folder / "profiles" / "bugle.profile"
  refused(run, *words, profile, "-m", other, said="with another model")
  refused(run, *words, "flugelhorn", "-m", folder, said="flugelhorn")
  refused(run, *words, "x" * 300, said="File name too long")
  refused(run, *words, "horn.wav", said="is no profile")


def test_a_model_that_is_asked_by_name(run):
  named = write_archive(Path("named"), conditioning="class")
  song = write_song(Path("song.wav"))
  words = ["--target=a", "--instrument=bass", "--target=b", "--instrument=horn"]
  out, _ = run("-m", named, *words, "--", song)
  assert written(out)[0] == "wrote out/song/a.wav"
  parts = [
    soundfile.read(f"out/song/{part}.wav", dtype="int16")[0].astype(int)
    for part in ("a", "b", "residual")
  ]
  expected = soundfile.read(song, dtype="int16")[0]
  np.testing.assert_array_equal(sum(parts), expected)
  assert np.abs(parts[0] - parts[1]).max() > 100
  words = [song, "-m", named, "-o=other", "-p", "horn.wav"]
  refused(run, *words, said="takes no examples")
