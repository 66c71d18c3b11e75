"""A checkpoint for onnxruntime, in any language and in a browser."""

import json
from pathlib import Path

from fewshot_mss.export.archive import Archive
from fewshot_mss.export.checks import CONFIG_NAME, build_model
from fewshot_mss.export.folder import check_replaceable, write_folder
from fewshot_mss.export.functions import describe, make_functions
from fewshot_mss.export.onnx_functions import condition_model, separate_model
from fewshot_mss.export.onnx_graph import OPSET, Graph

RUNNER_NAME = "run_onnx.py"


def export_onnx(archive: Archive, directory: Path) -> list[str]:
  """Writes `condition` and `separate_patch` as ONNX graphs, and a runner.

  They compute in float32 whatever the model was trained in.

  Args:
    archive: What to export; weights of float16 stay so in the files, those of
      bfloat16 are stored as float32, for browsers have no other.
    directory: Where; an export that is there already is replaced.

  Returns:
    What the person should know: how the files are run.

  Raises:
    InputError: If the folder holds anything else or cannot be written.
  """
  directory = Path(directory)
  functions = make_functions(archive)
  names = [f"{function.name}.onnx" for function in functions]
  check_replaceable(directory, [*names, CONFIG_NAME, RUNNER_NAME])
  model = build_model(archive.model)
  config = describe(archive, functions, ".onnx") | {
    "onnx": {"opset": OPSET, "computed_in": "float32", "runner": RUNNER_NAME}
  }
  contents = {
    name: make(Graph(archive.params), model, function).SerializeToString(
      deterministic=True
    )
    for name, make, function in zip(
      names, (condition_model, separate_model), functions, strict=True
    )
  }
  contents[CONFIG_NAME] = (json.dumps(config, indent=2) + "\n").encode()
  contents[RUNNER_NAME] = Path(__file__).with_name(RUNNER_NAME).read_bytes()
  write_folder(directory, contents)
  told = [
    f"opset {OPSET}; python {directory / RUNNER_NAME} separates files at "
    f"{model.sample_rate_hz} Hz with numpy, onnxruntime and soundfile alone"
  ]
  if model.compute_dtype != "float32":
    told.append(
      f"the graphs compute in float32, this model in {model.compute_dtype}: "
      "their numbers differ by what it rounds"
    )
  return told
