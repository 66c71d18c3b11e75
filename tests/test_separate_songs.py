"""Songs, examples and names as people have them, through the command line."""

import json
import os
import resource
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fewshot_mss.errors import InputError
from separating import (
  broken,
  everything,
  noise,
  refused,
  runner,
  separate,
  sums,
  write_song,
  written,
)
from tiny_archive import write_archive

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
  return runner(model, capfd)


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


def test_tags_that_are_left_out_are_named(run):
  with soundfile.SoundFile("tagged.flac", "w", 8000, 1, "PCM_16") as sound:
    sound.title, sound.artist = "für Élise", "B"
    sound.write(noise(2500, 1))
  _, err = run("tagged.flac", "--format=mp3", complains=True)
  said = "tagged.flac: tags that mp3 files cannot hold are left out: title\n"
  assert err.endswith(said)


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


def test_what_is_read_is_never_replaced(model, tmp_path):
  song = write_song(tmp_path / "out" / "target" / "target.wav")
  clip = write_song(tmp_path / "out" / "song" / "residual.wav")
  other = write_song(tmp_path / "song.wav")
  for one, positive in ((song, other), (other, f"{clip}@0-0.3")):
    with pytest.raises(InputError, match="is read, too, and would be replaced"):
      separate(one, positive, model, tmp_path / "out", overwrite=True)


def test_what_cannot_be_computed_is_told_before_anything_is_heard(run):
  song = write_song(Path("song.wav"))
  Path("text.wav").write_text("no sound")
  words = (song, "-p", "text.wav")
  refused(run, *words, "--max_memory=1KB", said="is too little: one patch")
  refused(run, *words, "--device=npu", "-m=none", said="device 'npu' is not")
  refused(run, *words, said="text.wav cannot be read")


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
  assert everything(Path("full")) == []
