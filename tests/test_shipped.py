"""The model in the package: whole, small, and used by whoever names none."""

import fnmatch
import hashlib
import json
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fewshot_mss import cli
from fewshot_mss.data.synth.notes import Note, midi_bytes
from fewshot_mss.data.synth.render import render
from fewshot_mss.data.synth.soundfont import default_soundfont
from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.metrics import si_sdr_db
from fewshot_mss.export import shipped
from fewshot_mss.inference.profile_files import load_profile
from fewshot_mss.inference.profile_search import model_profiles
from fewshot_mss.inference.separator import Separator

PACKAGE = Path(shipped.__file__).parents[1]
MAX_BYTES = 16e6
LENGTH_S = 8.0


@pytest.fixture(scope="module")
def config():
  return json.loads((shipped.SHIPPED_FOLDER / "config.json").read_text())


@pytest.fixture
def band(tmp_path):
  """A violin among bass and drums, of a SoundFont that was not trained on.

  Returns its folder and the violin.
  """
  tune = [69, 72, 76, 74, 72, 71, 69, 64] * 2
  parts = {}
  for name, program, drums, pitches, step_s in (
    ("violin", 40, False, tune, 0.5),
    ("bass", 33, False, [33, 33, 40, 36] * 2, 1.0),
    ("drums", 0, True, [36, 42, 38, 42] * 8, 0.25),
  ):
    notes = [
      Note(step_s * number, 0.9 * step_s, pitch, 100)
      for number, pitch in enumerate(pitches)
    ]
    midi = midi_bytes(notes, program=program, drums=drums, length_s=LENGTH_S)
    sound, rate_hz = render(
      default_soundfont(), midi, length_s=LENGTH_S, level_db=-24.0
    )
    parts[name] = sound
  mixture = np.sum([*parts.values()], axis=0)
  soundfile.write(tmp_path / "song.wav", mixture, rate_hz, "FLOAT")
  return tmp_path, parts["violin"]


def test_who_names_no_model_has_it(config):
  separator = Separator.from_pretrained()
  assert separator.archive.dtype == "float16"
  assert separator.archive.content_hash == config["weights_sha256"]
  weights = (shipped.SHIPPED_FOLDER / "model.safetensors").read_bytes()
  assert hashlib.sha256(weights).hexdigest() == config["weights_sha256"]


def test_it_is_small_and_goes_into_the_wheel():
  root = PACKAGE.parent
  project = tomllib.loads((root / "pyproject.toml").read_text())
  patterns = project["tool"]["setuptools"]["package-data"]["fewshot_mss"]
  files = [path for path in shipped.SHIPPED_FOLDER.rglob("*") if path.is_file()]
  assert sum(path.stat().st_size for path in files) <= MAX_BYTES
  for path in files:
    name = path.relative_to(PACKAGE).as_posix()
    assert any(fnmatch.fnmatch(name, pattern) for pattern in patterns), name


def test_its_profiles_are_its_own(config):
  paths = model_profiles(shipped.SHIPPED_FOLDER)
  held = {path.stem for path in paths}
  assert held == set(config["instruments"])
  assert {"violin", "piano", "drums"} <= held
  for path in paths:
    profile = load_profile(path)
    assert profile.model_hash == config["weights_sha256"]
    assert len(profile.positive.total) == config["model"]["condition_dim"]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert config["profiles_sha256"][path.name] == digest


def test_its_card_tells_what_it_is_made_of(config):
  card = (shipped.SHIPPED_FOLDER / "README.md").read_text(encoding="utf-8")
  for heading in ("Training", "Data", "Scores", "Limits", "Licence"):
    assert f"\n## {heading}\n" in card
  assert config["weights_sha256"] in card
  assert "license: apache-2.0" in card
  for name in config["training"]["data"]:
    assert f"- {name}: " in card
  assert "CC BY" in card
  assert "ideal ratio mask" in card


def test_a_violin_by_its_name_alone(band, monkeypatch, capsys):
  folder, violin = band
  monkeypatch.chdir(folder)
  words = ["separate", "song.wav", "-o", "out", "--profile"]
  assert cli.main([*words, "violin"]) == 0
  mixture, _ = soundfile.read("song.wav")
  parts = [
    soundfile.read(f"out/song/{part}.wav")[0] for part in ("target", "residual")
  ]
  np.testing.assert_allclose(sum(parts), mixture, rtol=0, atol=2e-7)
  before_db, after_db = (
    si_sdr_db(violin[:, 0], sound[:, 0]) for sound in (mixture, parts[0])
  )
  assert after_db > before_db + 5.0
  assert cli.main([*words, "voilin", "--overwrite"]) == 2
  assert "the nearest are: violin" in capsys.readouterr().err
  assert cli.main([*words, "drums", "--overwrite"]) == 0
  drums = soundfile.read("out/song/target.wav")[0]
  assert si_sdr_db(violin[:, 0], drums[:, 0]) < before_db


def test_a_dry_run_says_which_model_it_is(band, monkeypatch, capsys, config):
  monkeypatch.chdir(band[0])
  words = ["separate", "song.wav", "--profile=piano", "-o=out", "--dry_run"]
  assert cli.main(words) == 0
  said = capsys.readouterr().out
  assert "model that comes with fewshot-mss" in said
  assert config["weights_sha256"][:8] in said
  assert cli.main([*words, "--json"]) == 0
  told = json.loads(capsys.readouterr().out)
  assert told["model"]["path"] == str(shipped.SHIPPED_FOLDER)
  assert cli.main(["profile", "list"]) == 0
  assert "violin" in capsys.readouterr().out


def test_one_that_is_damaged_or_missing_is_told(tmp_path, monkeypatch, capsys):
  copy = tmp_path / "shipped"
  shutil.copytree(shipped.SHIPPED_FOLDER, copy)
  weights = copy / "model.safetensors"
  content = bytearray(weights.read_bytes())
  content[-1] ^= 1
  weights.write_bytes(content)
  monkeypatch.setattr(shipped, "SHIPPED_FOLDER", copy)
  with pytest.raises(InputError, match="is damaged: its SHA-256"):
    Separator.from_pretrained()
  monkeypatch.setattr(shipped, "SHIPPED_FOLDER", tmp_path / "none")
  soundfile.write(tmp_path / "song.wav", np.ones(8000), 8000)
  song = str(tmp_path / "song.wav")
  assert cli.main(["separate", song, "-p", song, "-o", str(tmp_path)]) == 2
  assert capsys.readouterr().err == (
    "fewshot-mss: this installation of fewshot-mss has no model of its own: "
    "name one with --model, or install the package again\n"
  )
