"""What `separate` tells, and to whom: lines, bars, JSON, standard output."""

import io
import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fewshot_mss import cli
from fewshot_mss.export.archive import save_archive
from fewshot_mss.inference.profile_files import save_profile
from fewshot_mss.inference.profiles import make_profile
from fewshot_mss.inference.separator import Separator
from separating import (
  broken,
  everything,
  noise,
  refused,
  runner,
  sums,
  write_song,
  written,
)
from tiny_archive import (
  INSTRUMENTS,
  MODEL,
  TRAINING,
  random_params,
  write_archive,
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
  return write_archive(tmp_path_factory.mktemp("archive") / "model")


@pytest.fixture
def run(model, tmp_path, monkeypatch, capfd):
  """Runs `separate` in an empty folder with one example in it."""
  monkeypatch.chdir(tmp_path)
  return runner(model, capfd)


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


def test_no_place_to_gather_what_is_streamed_is_told(run, monkeypatch):
  song = write_song(Path("song.wav"))
  with monkeypatch.context() as patch:
    patch.setattr(tempfile, "tempdir", "/proc/none")
    refused(run, song, "-o=-", said="name another one in TMPDIR")


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
  assert "clipped.wav and horn.wav say the same as horn.wav" in " ".join(
    table.split()
  )
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


def test_the_same_sound_for_two_things_is_told(run, model):
  song = write_song(Path("song.wav"))
  for number in range(3):
    soundfile.write(f"{number}.wav", noise(4000, 1, number), 8000)
  shutil.copy("0.wav", "copy.wav")
  build = ["profile", "build", "-m", str(model), "-o", "kept.profile"]
  assert cli.main([*build, "-p", "0.wav", "1.wav"]) == 0
  words = ["--target=a", "-p", "copy.wav", "2.wav", "--profile=kept.profile"]
  words += ["--target=b", "-p", "0.wav", "2.wav"]
  report = json.loads(run(song, *words, "--json")[0])
  # All noises are alike to this model, which is told behind it.
  first, second = (report["coach"][name]["advice"][0] for name in "ab")
  assert first == (
    "copy.wav: in the profile kept, too, and would weigh double; leave it out"
  )
  assert second == (
    "0.wav and 2.wav: given for a and for b, which it cannot tell apart; leave "
    "it out of one of them"
  )


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
  broken("cut.wav")
  refused(run, *words, profile, "-m", other, said="with another model")
  # Before any example is heard, or weights are read.
  refused(run, *words, profile, "-p=cut.wav", "-m", other, said="another model")
  (other / "model.safetensors").write_bytes(b"")
  refused(run, *words, profile, "-p=cut.wav", "-m", other, said="another model")
  refused(run, *words, "flugelhorn", "-m", other, said="flugelhorn")
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
