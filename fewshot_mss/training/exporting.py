"""`fewshot-mss export`: the weights of a run in a form for others."""

from pathlib import Path

from fewshot_mss.training.weights import LEFT, read_weights


def export_run(
  workdir: Path,
  output: Path,
  *,
  form: str,
  checkpoint: str = LEFT,
) -> list[str]:
  """Writes the weights of a run."""
  archive = read_weights(workdir, checkpoint).archive
  if form == "stablehlo":
    from fewshot_mss.export.stablehlo import export_stablehlo

    export_stablehlo(archive, output)
  elif form == "onnx":
    from fewshot_mss.export.onnx import export_onnx

    export_onnx(archive, output)
  return [f"wrote {output}"]
