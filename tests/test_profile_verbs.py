"""`fewshot-mss profile`: from files of sound to a file that stands for them."""

import json
import resource

import numpy as np
import pytest
import soundfile

from fewshot_mss import cli
from fewshot_mss.inference.conditions import Ask
from fewshot_mss.inference.profile_files import load_profile
from fewshot_mss.inference.separator import Separator
from tiny_archive import write_archive


@pytest.fixture
def place(tmp_path, monkeypatch):
  """A folder with a model and two folders of examples; the current one."""
  monkeypatch.chdir(tmp_path)
  # Tables are cut to the terminal.
  monkeypatch.setenv("COLUMNS", "120")
  write_archive(tmp_path / "model", conditioning="examples_and_negatives")
  for folder, count in (("sax", 3), ("drums", 1)):
    (tmp_path / folder).mkdir()
    for n in range(count):
      noise = np.random.default_rng(n).normal(0, 0.1, 8000)
      soundfile.write(tmp_path / folder / f"{n} [b].wav", noise, 8000)
  return tmp_path


def run(capsys, *words):
  status = cli.main(["profile", *words])
  return status, *capsys.readouterr()


def build(capsys, *words, output="sax.profile"):
  return run(capsys, "build", "--model=model", "-o", output, *words)


def test_a_profile_of_folders_and_parts(place, capsys):
  words = ("-p", "sax", "sax/0 [b].wav@0:00.5-0:01", "-n", "drums")
  status, printed, told = build(capsys, *words)
  assert (status, told) == (0, "")
  assert printed.endswith("wrote sax.profile\n")
  assert "4 examples, as much to go by as" in printed
  assert "sax/0 [b].wav" in printed
  assert "examples of what is not meant" in printed
  profile = load_profile(place / "sax.profile")
  assert profile.name == "sax"
  assert [example.name for example in profile.examples] == [
    *(f"{n} [b].wav" for n in range(3)),
    "0 [b].wav@0:00.5-0:01",
    "0 [b].wav",
  ]
  separator = Separator.from_pretrained(place / "model")
  files = [f"sax/{n} [b].wav" for n in range(3)]
  direct, kept = (
    separator.conditions([ask])
    for ask in (
      Ask([*files, "sax/0 [b].wav@0.5-1"], ["drums/0 [b].wav"]),
      Ask(profiles=[profile]),
    )
  )
  np.testing.assert_array_equal(kept, direct)


def test_show_list_and_merge(place, capsys):
  for n in (0, 1):
    name = f"--name=horn [{n}]"
    build(capsys, "-p", f"sax/{n} [b].wav", name, output=f"kept/{n}.profile")
  status, printed, _ = run(capsys, "show", "kept/1.profile")
  assert status == 0
  assert "horn [1]" in printed
  assert "1 [b].wav" in printed
  _, printed, _ = run(capsys, "show", "--json", "kept/1.profile")
  shown = json.loads(printed)
  assert shown["counts"] == {"positive": 1, "negative": 0}
  assert shown["examples"][0]["length_s"] == 1.0
  status, printed, _ = run(capsys, "list", "kept")
  assert status == 0
  assert "horn [0]" in printed
  assert "1.profile" in printed
  both = ("kept/0.profile", "kept/1.profile", "-o", "both.profile")
  status, printed, _ = run(capsys, "merge", *both)
  assert (status, printed) == (0, "wrote both.profile\n")
  merged = load_profile(place / "both.profile")
  build(capsys, "-p", "sax/0 [b].wav", "sax/1 [b].wav")
  whole = load_profile(place / "sax.profile")
  np.testing.assert_array_equal(merged.positive.total, whole.positive.total)
  assert merged.name == "both"
  assert merged.examples == whole.examples


def test_damaged_profiles_are_listed_beside_the_others(
  place, capsys, monkeypatch
):
  monkeypatch.setenv("COLUMNS", "250")
  build(capsys, "-p", "sax", output="kept/good.profile")
  whole = (place / "kept" / "good.profile").read_bytes()
  (place / "kept" / "cut.profile").write_bytes(whole[:-1])
  (place / "kept" / "infinite.profile").write_bytes(
    whole[:-8] + np.float64(np.inf).tobytes()
  )
  (place / "kept" / "gone.profile").symlink_to("nowhere")
  status, printed, told = run(capsys, "list", "kept")
  assert (status, told) == (0, "")
  said = " ".join(printed.replace("│", " ").split())
  assert "good.profile good 3 3 " in said
  for name, reason in (
    ("cut", "it is no profile"),
    ("infinite", "it is a damaged profile (positive_total holds impossible"),
    ("gone", "it cannot be read (No such file or directory)"),
  ):
    assert f"{name}.profile damaged: {reason}" in said


def test_what_is_there_is_not_overwritten(place, capsys):
  build(capsys, "-p", "sax")
  before = (place / "sax.profile").read_bytes()
  status, _, told = build(capsys, "-p", "drums")
  assert status == 2
  assert "sax.profile is there already" in told
  status, _, told = run(
    capsys, "merge", "sax.profile", "-o", "sax.profile", "--name=x"
  )
  assert status == 2
  assert (place / "sax.profile").read_bytes() == before
  assert build(capsys, "-p", "drums", "--overwrite")[0] == 0
  assert len(load_profile(place / "sax.profile").examples) == 1


def test_a_full_disk_is_no_wrong_word(place, capsys):
  build(capsys, "-p", "sax")
  soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
  for words in (
    ("merge", "sax.profile"),
    ("build", "--model=model", "-p", "sax"),
  ):
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
      status, printed, told = run(capsys, *words, "-o", "new/full.profile")
    finally:
      resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (status, printed) == (1, "")
    assert told == (
      "fewshot-mss: new/full.profile cannot be written (File too large): name "
      "another folder or make room\n"
    )
    assert not (place / "new").exists()


@pytest.mark.parametrize(
  ("words", "message"),
  [
    (["build", "-p", "sax", "-o", "x"], "-m/--model"),
    (["build", "-m", "model", "-o", "x"], "-p/--positive"),
    (["build", "-p", "empty", "-m", "model", "-o", "x"], "holds no audio file"),
    (["build", "-p", "no.wav", "-m", "model", "-o", "x"], "no such file"),
    (["build", "-p", "sax", "-m", "empty", "-o", "x"], "cannot be read"),
    (["build", "-p", "sax", "-m", "model", "-o", "empty"], "is a folder"),
    (
      [
        *("build", "-p", "sax", "-n", "drums", "-m", "model"),
        *("-o", "drums/0 [b].wav", "--overwrite"),
      ],
      "is one of the examples",
    ),
    # Before the model is looked for.
    (["build", "-p", "sax", "-m", "none", "-o", "/proc/x"], "be written (No"),
    (["show", "sax/0 [b].wav"], "is no profile"),
    (["show", "x.profile"], "cannot be read"),
    (["merge", "x.profile", "-o", "y"], "cannot be read"),
    (["list", "empty"], "holds no profiles"),
    (["list", "nowhere"], "cannot be read"),
    (["forget"], "invalid choice"),
  ],
)
def test_words_that_make_no_profile(place, capsys, words, message):
  (place / "empty").mkdir()
  status, printed, told = run(capsys, *words)
  assert (status, printed) == (2, "")
  assert message in told
  assert told.count("\n") == 1
  assert not (place / "x").exists()


def test_models_that_take_no_examples_or_no_negatives(place, capsys):
  write_archive(place / "class", conditioning="class")
  write_archive(place / "plain", conditioning="examples")
  _, _, told = run(capsys, "build", "-p", "sax", "-m", "class", "-o", "x")
  assert "asked by instrument" in told
  negatives = ("build", "-p", "sax", "-n", "drums", "-m", "plain", "-o", "x")
  _, _, told = run(capsys, *negatives)
  assert "takes no negative examples" in told
  assert not (place / "x").exists()


def test_a_name_that_moves_the_cursor_is_shown_as_it_is_written(place, capsys):
  build(capsys, "-p", "drums", "--name=a\x1b[2J\nb")
  _, printed, _ = run(capsys, "show", "sax.profile")
  assert "a\\x1b[2J\\nb" in printed
  assert "\x1b" not in printed
