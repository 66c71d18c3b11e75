"""The words of `export`, and those it does not take."""

from pathlib import Path

import pytest

from fewshot_mss import arguments
from fewshot_mss.errors import InputError

WORDS = ["export", "--workdir=w", "--format=archive", "-o", "out"]


def test_an_export_and_its_defaults():
  parsed = arguments.parse(WORDS)
  assert parsed.verb == "export"
  assert (parsed.workdir, parsed.output) == (Path("w"), Path("out"))
  assert (parsed.form, parsed.dtype) == ("archive", "float32")
  assert (parsed.checkpoint, parsed.push) == ("model", None)
  parsed = arguments.parse(
    [
      *("export", "--workdir=w", "--format=onnx", "--output=out"),
      *("--checkpoint=best", "--dtype=bfloat16", "--push=me/horns"),
    ]
  )
  assert (parsed.form, parsed.dtype) == ("onnx", "bfloat16")
  assert (parsed.checkpoint, parsed.push) == ("best", "me/horns")


@pytest.mark.parametrize(
  ("words", "message"),
  [
    (["export", "--format=onnx", "-o=o"], "--workdir"),
    (["export", "--workdir=w", "-o=o"], "--format"),
    (["export", "--workdir=w", "--format=onnx"], "-o/--output"),
    ([*WORDS, "--format=torch"], "'torch'"),
    ([*WORDS, "--dtype=int8"], "'int8'"),
    ([*WORDS, "--config=c.py"], "`fewshot-mss export` takes no config"),
  ],
)
def test_words_that_make_no_export(words, message):
  with pytest.raises(InputError, match=message):
    arguments.parse(words)
