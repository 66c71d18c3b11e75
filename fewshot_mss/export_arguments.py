"""The words of the verb `export`."""

import argparse
from pathlib import Path

FORMS = ("archive", "stablehlo", "onnx")
DTYPES = ("float32", "float16", "bfloat16")


def add_export_verb(verbs: argparse._SubParsersAction) -> None:
  """Adds `export` to the verbs of the command line.

  Args:
    verbs: What argparse returned for all of them.
  """
  export = verbs.add_parser(
    "export",
    help="write a trained workdir in a form that outlives the training code",
    description="archive: a folder that `separate`, `train` and anyone with "
    "safetensors can read. stablehlo: two functions for any JAX. onnx: two "
    "graphs for onnxruntime; needs the extra [onnx].",
  )
  export.add_argument("--workdir", type=Path, required=True)
  export.add_argument(
    "--checkpoint",
    default="model",
    metavar="model|best|last|STEP",
    help="as of evaluate: WORKDIR/model if not given",
  )
  export.add_argument("--format", dest="form", choices=FORMS, required=True)
  export.add_argument("-o", "--output", type=Path, required=True)
  export.add_argument(
    "--dtype",
    choices=DTYPES,
    default="float32",
    help="what the weights are rounded to; float32, the default, rounds none",
  )
  export.add_argument(
    "--profiles",
    type=int,
    metavar="N",
    help="of the archive: add a profile of each training instrument, and of "
    "each General MIDI program of one that was heard in several, made of N "
    "clips of the run's dataset, so that `separate --profile violin` works",
  )
  export.add_argument(
    "--presence",
    action="store_true",
    help="of the archive: ask validation songs of the run's dataset for what "
    "they hold and for what they do not, and keep how sure of that one can be",
  )
  export.add_argument(
    "--push",
    metavar="USER/NAME",
    help="also upload the folder to this model of the Hugging Face Hub; needs "
    "the extra [hub]",
  )
  export.set_defaults(verb="export")
