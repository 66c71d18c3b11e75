"""Tiny networks as archives in memory, and their graphs run by onnxruntime."""

import onnxruntime

from fewshot_mss.export.archive import Archive
from fewshot_mss.export.checks import build_model
from fewshot_mss.export.functions import make_functions
from fewshot_mss.export.onnx_functions import condition_model, separate_model
from fewshot_mss.export.onnx_graph import Graph
from tiny_archive import INSTRUMENTS, MODEL, TRAINING, random_params


def make_archive(params=None, **changes):
  """An archive of random weights; `changes` are to the model's fields."""
  model = MODEL | changes
  return Archive(
    params=random_params(model) if params is None else params,
    model=model,
    instruments=tuple(INSTRUMENTS),
    training=TRAINING,
    content_hash="0" * 64,
  )


def make_graphs(archive):
  """The two functions, each with its graph."""
  model = build_model(archive.model)
  makers = (condition_model, separate_model)
  return [
    (function, make(Graph(archive.params), model, function))
    for function, make in zip(make_functions(archive), makers, strict=True)
  ]


def run(model, **inputs):
  """What onnxruntime makes of the inputs."""
  session = onnxruntime.InferenceSession(
    model.SerializeToString(), providers=["CPUExecutionProvider"]
  )
  return session.run(None, inputs)[0]
