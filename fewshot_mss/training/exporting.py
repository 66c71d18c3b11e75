"""`fewshot-mss export`: the weights of a run in a form for others."""

import dataclasses
import json
from pathlib import Path

from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.summary import Json
from fewshot_mss.export import hub
from fewshot_mss.export.archive import (
  Archive,
  check_replaceable,
  load_archive,
  save_archive,
  weights_hash,
)
from fewshot_mss.export.checks import CONFIG_NAME
from fewshot_mss.export.dtypes import cast_params
from fewshot_mss.training.card_scores import Evaluation, ablation_parts
from fewshot_mss.training.export_extras import (
  NO_EXTRAS,
  Extras,
  check_extras,
  make_extras,
  read_sources,
)
from fewshot_mss.training.model_card import model_card
from fewshot_mss.training.spending import describe_spent, read_spent_s
from fewshot_mss.training.weights import (
  LEFT,
  read_weights,
  results_folder,
)


def export_run(
  workdir: Path,
  output: Path,
  *,
  form: str,
  checkpoint: str = LEFT,
  dtype: str = "float32",
  extras: Extras = NO_EXTRAS,
  push: str | None = None,
) -> list[str]:
  """Writes the weights of a run as a folder, whole or not at all.

  Args:
    workdir: Folder of the run.
    output: Where to; what an export of this form has left there is replaced.
    form: `archive`, `stablehlo` or `onnx`.
    checkpoint: See `read_weights`.
    dtype: What the weights are rounded to, a key of `dtypes.DTYPES`.
    extras: What is made for an archive besides.
    push: `user/name` of a model of the hub that the folder is uploaded to.

  Returns:
    What to tell, a line each.

  Raises:
    InputError: If the run, its weights, the folder or the hub cannot be used.
  """
  model = (workdir / "model").resolve()
  if model in (output.resolve(), *output.resolve().parents):
    raise InputError(
      f"{output} is the model that the run goes by: choose another folder"
    )
  check_extras(extras, form)
  if push is not None:
    hub.check_push(push, form)
  archive = _with_names(workdir, read_weights(workdir, checkpoint).archive)
  lines = _export(
    workdir, output, archive, form, checkpoint, dtype, extras, push
  )
  lines.append(f"wrote {output}")
  if push is not None:
    lines.append(f"pushed to {hub.push_folder(output, push)}")
  return lines


def _export(
  workdir: Path,
  output: Path,
  archive: Archive,
  form: str,
  checkpoint: str,
  dtype: str,
  extras: Extras,
  push: str | None,
) -> list[str]:
  # In the type that is written: it is in the files, and decides their hash.
  rounded = dataclasses.replace(
    archive,
    params=cast_params(archive.params, dtype),
    dtype=dtype,
    content_hash=weights_hash(archive.params, dtype),
  )
  if form == "stablehlo":
    # Here rather than above, as below: what one form needs, others do without.
    from fewshot_mss.export.stablehlo import export_stablehlo

    return list(export_stablehlo(rounded, output) or ())
  if form == "onnx":
    from fewshot_mss.export.onnx import export_onnx

    return list(export_onnx(rounded, output) or ())
  # Before the card is made, for what is wrong with the folder is quick to tell.
  check_replaceable(output)
  evaluations, lines = _evaluations(workdir, checkpoint, archive.content_hash)
  made = make_extras(extras, rounded, workdir)
  try:
    asked = ablation_parts(workdir / "ablation", archive.content_hash)
  except InputError as error:
    asked = []
    lines.append(f"the model card leaves out an ablation: {error}")
  name = output.resolve().name if push is None else push.split("/")[-1]
  place = name if push is None else f"{hub.PREFIX}{push}"
  save_archive(
    output,
    archive.params,
    model=archive.model,
    instruments=archive.instruments,
    training=archive.training | made.training,
    dtype=dtype,
    card=model_card(
      rounded, name, evaluations, place, asked, _spent(workdir, archive)
    ),
    profiles=made.profiles,
  )
  return lines + made.lines


def _spent(workdir: Path, archive: Archive) -> str:
  """Returns how long the training took, if its last checkpoint is there."""
  step = str(archive.training["steps"])
  return describe_spent(read_spent_s(workdir / "checkpoints" / step))


def _with_names(workdir: Path, archive: Archive) -> Archive:
  """Returns an archive that names its instruments and data.

  A checkpoint does not; the model that the run left does, and before there is
  one, the datasets do.
  """
  if archive.instruments:
    return archive
  if (workdir / "model" / CONFIG_NAME).exists():
    left = load_archive(workdir / "model")
    instruments, data = left.instruments, left.training["data"]
  else:
    sources = read_sources(workdir)
    instruments, data = sources.class_names, list(sources.provenance)
  return dataclasses.replace(
    archive,
    instruments=tuple(instruments),
    training=archive.training | {"data": data},
  )


def _evaluations(
  workdir: Path, checkpoint: str, content_hash: str
) -> tuple[list[Evaluation], list[str]]:
  """Returns the evaluations of some weights, and what to tell of others."""
  folder = results_folder(workdir, checkpoint)
  found, lines = [], []
  for path in (
    folder / "evaluation.json",
    *sorted(folder.glob("songs_*/evaluation.json")),
  ):
    if not path.exists():
      continue
    songs = path.parent.name.removeprefix("songs_")
    name = f"Whole songs of {songs}" if path.parent != folder else "Test items"
    try:
      found.append(Evaluation(name, _read_evaluation(path, content_hash)))
    except _OtherError as error:
      lines.append(
        f"the model card leaves {path} out, which {error}: evaluate again"
      )
  if not found:
    lines.append(
      "the model card has no scores: run `fewshot-mss evaluate` on "
      f"{workdir} and export again"
    )
  return found, lines


class _OtherError(Exception):
  """Why an evaluation is none of what is exported, in a few words."""


def _read_evaluation(path: Path, content_hash: str) -> Json:
  try:
    content = json.loads(path.read_text(encoding="utf-8"))
    theirs = content["provenance"]["weights (SHA-256)"]
    groups = content["summary"]["groups"].values()
    rows = [row for group in groups for row in group["systems"]]
    is_of_today = all("usdr_db" in row for row in rows)
  except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
    raise _OtherError("cannot be read") from error
  if theirs != content_hash:
    raise _OtherError("is of other weights")
  if not is_of_today:
    raise _OtherError("an earlier fewshot-mss wrote")
  return content
