"""Public datasets by name, from the command line to a prepared folder."""

import os
import shutil

import numpy as np
import pytest
import soundfile

from fewshot_mss import arguments, cli, data_arguments
from fewshot_mss.data.catalogue import load_catalogue
from fewshot_mss.data.layouts.datasets import (
  DATASETS,
  LAYOUT_OPTIONS,
  read_layout,
)
from fewshot_mss.errors import InputError

RATE_HZ = 8000


@pytest.fixture
def musdb(tmp_path):
  """MUSDB18-HQ with two songs of 2 s."""
  root = tmp_path / "MUSDB18-HQ"
  rng = np.random.default_rng(0)
  for song in ("train/A - One", "test/B - Two & More"):
    folder = root / song
    folder.mkdir(parents=True)
    for stem in ("mixture", "vocals", "drums", "bass", "other"):
      sound = 0.1 * rng.standard_normal((2 * RATE_HZ, 2))
      soundfile.write(folder / f"{stem}.wav", sound, RATE_HZ)
  return root


def test_command_line_knows_every_layout():
  own = {"stem_folder", "midi", "rendered"}
  assert set(data_arguments.LAYOUTS) == {*own, *DATASETS}
  taken = {name for layouts in LAYOUT_OPTIONS.values() for name in layouts}
  assert taken <= set(data_arguments.LAYOUTS)
  parsed = arguments.parse(["data", "build", "a", "--output=b"])
  # What is not given is not an option that a layout could refuse.
  assert {getattr(parsed, name) for name in LAYOUT_OPTIONS} == {None, False}


def test_a_dataset_is_built_by_its_name(musdb, tmp_path, capsys):
  words = ["data", "build", str(musdb), "--layout=musdb18_hq"]
  output = tmp_path / "data"
  assert cli.main([*words, f"--output={output}", "--segment_s=1"]) == 0
  catalogue = load_catalogue(output)
  assert set(catalogue.instruments) == {"vocals", "drums", "bass", "other"}
  assert [t for t in catalogue.tracks if "Two" in t]
  assert str(output) in capsys.readouterr().out


@pytest.mark.parametrize(
  ("words", "said"),
  [
    (["--with_bleed"], "--with_bleed is for the layout medleydb or moisesdb"),
    (
      ["--unseen=bass"],
      "--unseen is for the layout stem_folder, not for m",
    ),
    (["--seed=1"], "--seed is for the layout stem_folder or rendered, not"),
  ],
)
def test_what_a_dataset_does_not_take_is_named(
  musdb, tmp_path, capsys, words, said
):
  output = tmp_path / "data"
  words = ["data", "build", str(musdb), "--layout=musdb18_hq", *words]
  assert cli.main([*words, f"--output={output}"]) == 2
  assert said in capsys.readouterr().err
  assert not output.exists()


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_a_folder_of_something_else_is_refused_in_one_line(name, tmp_path):
  (tmp_path / "holiday").mkdir()
  with pytest.raises(InputError) as refused:
    read_layout(name, tmp_path, {})
  assert "\n" not in str(refused.value)
  assert str(tmp_path) in str(refused.value)


def test_list_without_a_dataset_shows_the_labels(capsys):
  assert cli.main(["data", "list"]) == 0
  assert "violin" in capsys.readouterr().out


def test_names_that_are_no_text_are_refused_before_the_work(tmp_path, capsys):
  song = tmp_path / "songs" / os.fsdecode(b"caf\xe9")
  song.mkdir(parents=True)
  soundfile.write(tmp_path / "a.wav", np.full(8000, 0.1), RATE_HZ)
  shutil.move(tmp_path / "a.wav", song / "violin.wav")
  for verb in (["build", f"--output={tmp_path / 'out'}"], ["check"]):
    assert cli.main(["data", *verb, str(tmp_path / "songs")]) == 2
    said = capsys.readouterr().err
    assert "'caf\\udce9' is no UTF-8: rename it" in said
    assert said.count("\n") == 1
