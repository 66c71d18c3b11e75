"""The folder that `--format=onnx` writes."""

import json
import subprocess
import sys

import pytest

onnx = pytest.importorskip("onnx", reason="the extra [onnx] is not installed")

from fewshot_mss.errors import InputError  # noqa: E402
from fewshot_mss.export.onnx import export_onnx  # noqa: E402
from tiny_onnx import make_archive  # noqa: E402

NAMES = ["condition.onnx", "config.json", "run_onnx.py", "separate_patch.onnx"]


@pytest.fixture
def folder(tmp_path):
  export_onnx(make_archive(), tmp_path / "model")
  return tmp_path / "model"


def names(folder):
  return sorted(path.name for path in folder.iterdir())


def shapes(values):
  return {
    value.name: [
      size.dim_param or size.dim_value
      for size in value.type.tensor_type.shape.dim
    ]
    for value in values
  }


def test_the_folder_holds_both_graphs_and_says_what_they_take(folder):
  assert names(folder) == NAMES
  config = json.loads((folder / "config.json").read_text())
  assert config["onnx"] == {
    "opset": 17,
    "computed_in": "float32",
    "runner": "run_onnx.py",
  }
  assert config["dtype"] == "float32"
  assert config["instruments"] == ["bass", "horn"]
  for name, inputs, output in (
    (
      "condition",
      {"positives": ["b", "k", 2048], "positive_weights": ["b", "k"]},
      {"condition": ["b", 6]},
    ),
    (
      "separate_patch",
      {"mixture": ["b", 1024], "condition": ["b", "q", 6]},
      {"targets": ["b", "q", 1024]},
    ),
  ):
    described = config["functions"][name]
    assert described["file"] == f"{name}.onnx"
    graph = onnx.load(folder / described["file"]).graph
    assert shapes(graph.input) == inputs
    assert shapes(graph.output) == output
    assert {i["name"]: i["shape"] for i in described["inputs"]} == inputs


def test_how_to_run_it_is_told(tmp_path):
  (told,) = export_onnx(make_archive(), tmp_path / "model")
  assert told.startswith(f"opset 17; python {tmp_path / 'model/run_onnx.py'} ")
  assert "8000 Hz" in told


def test_a_model_of_bfloat16_is_said_to_run_in_float32(tmp_path):
  archive = make_archive(compute_dtype="bfloat16")
  _, told = export_onnx(archive, tmp_path / "model")
  assert told.startswith("the graphs compute in float32, this model in bfloat")


def test_only_plain_operators_of_the_stated_opset(folder):
  for name in ("condition", "separate_patch"):
    model = onnx.load(folder / f"{name}.onnx")
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 17)]
    kinds = {node.op_type for node in model.graph.node}
    assert not kinds & {"STFT", "DFT", "Loop", "If", "Scan"}


def test_the_same_archive_gives_the_same_bytes(folder):
  before = {name: (folder / name).read_bytes() for name in NAMES}
  export_onnx(make_archive(), folder)
  assert {name: (folder / name).read_bytes() for name in NAMES} == before
  export_onnx(make_archive(conditioning="class"), folder)
  assert names(folder) == NAMES
  changed = (folder / "condition.onnx").read_bytes()
  assert changed != before["condition.onnx"]
  assert names(folder.parent) == ["model"]


def test_a_folder_of_something_else_is_not_replaced(folder):
  (folder / "notes.txt").write_text("precious")
  with pytest.raises(InputError, match=r"holds notes\.txt and is no model"):
    export_onnx(make_archive(), folder)
  assert names(folder) == sorted([*NAMES, "notes.txt"])


def test_the_transform_is_looked_up_and_not_written_out(tmp_path):
  export_onnx(make_archive(n_fft=2048, hop_samples=512), tmp_path / "model")
  # The matrices of one transform alone would be 16 MB.
  assert (tmp_path / "model" / "separate_patch.onnx").stat().st_size < 10**5


def test_the_extra_is_named_where_the_package_is_missing():
  program = (
    "import sys\n"
    "sys.modules['onnx'] = None\n"
    "from fewshot_mss import cli\n"
    "def export(parsed):\n"
    "  import fewshot_mss.export.onnx\n"
    "cli._VERBS['describe'] = export\n"
    "sys.exit(cli.main(['describe']))\n"
  )
  done = subprocess.run(
    [sys.executable, "-c", program], capture_output=True, text=True, check=False
  )
  assert done.returncode == 2
  assert "pip install 'fewshot-mss[onnx]'" in done.stderr
