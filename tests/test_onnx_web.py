"""A browser's onnxruntime finds the numbers of JAX."""

import json
import shutil
import subprocess
from pathlib import Path

import jax
import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra [onnx] is not installed")

from fewshot_mss.export.functions import make_functions
from fewshot_mss.export.onnx import export_onnx
from tiny_onnx import make_archive

WEB = Path(__file__).parent / "web"


@pytest.fixture(scope="module")
def web_folder(tmp_path_factory):
  """The program for Node, beside the package that it needs."""
  node, npm = shutil.which("node"), shutil.which("npm")
  if node is None or npm is None:
    pytest.skip("no Node: it is what onnxruntime-web is tested in")
  folder = tmp_path_factory.mktemp("web")
  for path in (WEB / "run.mjs", WEB / "package.json"):
    shutil.copy(path, folder)
  # What npm fetched once it takes from its cache.
  try:
    done = subprocess.run(
      [npm, "install", "--prefer-offline", "--no-audit", "--ignore-scripts"],
      cwd=folder,
      capture_output=True,
      text=True,
      check=False,
      timeout=300,
    )
  except subprocess.TimeoutExpired:
    # Where a firewall swallows what npm asks.
    pytest.skip("npm does not come to onnxruntime-web within 5 minutes")
  if done.returncode:
    reason = (done.stderr.strip().splitlines() or ["for no stated reason"])[0]
    pytest.skip(f"npm cannot install onnxruntime-web: {reason}")
  yield folder
  # Some 150 MB, which pytest would keep.
  shutil.rmtree(folder / "node_modules")


def arrays(function, seed):
  """Inputs of two mixtures, with one clip that is padding."""
  rng = np.random.default_rng(seed)
  sizes = {"b": 2, "k": 3, "n": 1, "q": 2}
  found = {}
  for name, dtype, shape in function.inputs:
    shape = [sizes.get(size, size) for size in shape]
    if dtype == "int32":
      found[name] = np.array([1, -1], np.int32)
    elif name.endswith("_weights"):
      found[name] = np.ones(shape, np.float32)
      found[name][0, -1] = 0
    else:
      found[name] = rng.normal(0, 0.3, shape).astype(np.float32)
  return found


def as_call(folder, graph, inputs):
  """What `run.mjs` reads, its files written."""
  described = {}
  for name, array in inputs.items():
    path = folder / f"{graph.stem}.{name}"
    path.write_bytes(array.tobytes())
    described[name] = {
      "file": str(path),
      "dtype": str(array.dtype),
      "shape": array.shape,
    }
  output = str(folder / f"{graph.stem}.output")
  return {"graph": str(graph), "inputs": described, "output": output}


@pytest.mark.parametrize("conditioning", ["examples_and_negatives", "class"])
def test_both_graphs_run_in_node(web_folder, tmp_path, conditioning):
  archive = make_archive(conditioning=conditioning)
  # In half precision too: its weights become float32 on loading.
  params = jax.tree.map(
    lambda leaf: leaf.astype(np.float16).astype(np.float32), archive.params
  )
  archive = make_archive(params, conditioning=conditioning)
  export_onnx(archive, tmp_path / "model")
  functions = make_functions(archive)
  inputs = [arrays(function, 3) for function in functions]
  calls = [
    as_call(tmp_path, tmp_path / "model" / f"{function.name}.onnx", given)
    for function, given in zip(functions, inputs, strict=True)
  ]
  (tmp_path / "calls.json").write_text(json.dumps(calls))
  done = subprocess.run(
    ["node", "run.mjs", str(tmp_path / "calls.json")],
    cwd=web_folder,
    capture_output=True,
    text=True,
    check=False,
  )
  assert (done.returncode, done.stderr) == (0, "")
  for function, given, call in zip(functions, inputs, calls, strict=True):
    wanted = np.asarray(jax.jit(function.call)(*given.values()))
    found = np.fromfile(call["output"], np.float32).reshape(wanted.shape)
    np.testing.assert_allclose(found, wanted, atol=1e-3)
    assert np.ptp(wanted[0]) > 0.01
