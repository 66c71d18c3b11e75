"""Runs of `evaluate --songs` that are told what their network answers."""

import json

from fewshot_mss.default_config import get_config
from fewshot_mss.evaluation.journal import Journal
from fewshot_mss.export.archive import save_archive
from fewshot_mss.training import song_scoring, songs_request
from fewshot_mss.training.song_scoring import evaluate_songs_run
from fewshot_mss.training.songs_request import SongsRequest
from plain_songs import EXAMPLE_S, read_tracks
from test_song_evaluation import ANSWERS, make_system, make_truth
from tiny_archive import MODEL, mask_of_ones, random_params

TRAINING = {
  "mixture_s": 0.5,
  "example_s": 0.25,
  "max_negatives": 1,
  "steps": 7,
  "global_batch": 8,
  "num_queries": 2,
  "data": ["toys"],
}
SHOTS = (1, 3)


def make_config():
  config = get_config()
  config.eval.update({"shots": SHOTS, "batch": 2, "bootstrap_samples": 50})
  return config


def leave_archive(workdir):
  """Leaves a network that masks nothing."""
  save_archive(
    workdir / "model",
    mask_of_ones(random_params()),
    model=MODEL,
    instruments=["bass", "lead"],
    training=TRAINING,
  )
  return workdir


def shorten_examples(monkeypatch):
  """Examples as long as the songs of `plain_songs` have them."""
  monkeypatch.setattr(songs_request, "EXAMPLE_S", EXAMPLE_S)


def put_answers(monkeypatch, root, name):
  """Puts a stand-in for the network; returns what it is asked, as it is."""
  truth = make_truth(read_tracks(root))
  asked = []

  def network_songs(model, params, *, shots, **settings):
    del model, params, settings

    def answer(mixture, held, pitch_hz):
      asked.append((mixture.tobytes(), pitch_hz))
      return ANSWERS[name](mixture, held, pitch_hz)

    return make_system(answer, truth, shots)

  monkeypatch.setattr(song_scoring, "network_songs", network_songs)
  return asked


def end_after(patched, song):
  """Lets evaluations end when a song has been noted."""
  add = Journal.add

  def add_and_end(self, scores, aside=None):
    add(self, scores, aside)
    if scores[0].song == song:
      raise KeyboardInterrupt

  patched.setattr(Journal, "add", add_and_end)


def run(config, workdir, root, **more):
  return evaluate_songs_run(config, workdir, SongsRequest(root, **more))


def read(folder):
  return json.loads((folder / "evaluation.json").read_text("utf-8"))


def systems(folder, group="seen"):
  held = read(folder)["summary"]["groups"][group]["systems"]
  return {(row["system"], row["shots"]): row for row in held}
