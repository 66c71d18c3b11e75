"""Profiles of the instruments that a run was trained on, made of its data."""

import dataclasses

from flax.traverse_util import unflatten_dict

from fewshot_mss.data.instrument_clips import instrument_clips
from fewshot_mss.data.sources import Sources
from fewshot_mss.errors import InputError
from fewshot_mss.export.archive import Archive
from fewshot_mss.export.dtypes import flat_float32
from fewshot_mss.inference.profile_files import profile_bytes
from fewshot_mss.inference.profile_search import profile_file_name
from fewshot_mss.inference.profiles import make_profile
from fewshot_mss.inference.separator import Separator


def instrument_profiles(
  archive: Archive, sources: Sources, count: int
) -> dict[str, bytes]:
  """Makes a profile of each instrument that training has heard.

  Args:
    archive: What is exported, in the type that its file will have: a profile
      is of what those numbers hear.
    sources: The datasets of the run.
    count: Of how many clips, at most.

  Returns:
    The contents of the files by their names.

  Raises:
    InputError: If the model is not asked by examples.
  """
  # As it is loaded from the file.
  params = unflatten_dict(flat_float32(archive.params), sep="/")
  separator = Separator(dataclasses.replace(archive, params=params))
  listener = separator.listener
  if listener.conditioning == "class":
    raise InputError(
      "--profiles: this model is asked by instrument and hears no examples; "
      "leave it out"
    )
  files: dict[str, bytes] = {}
  for instrument, clips in instrument_clips(sources, count):
    heard = [
      clip._replace(name=shown.name)
      for clip, shown in zip(
        listener.hear_each(
          [shown.samples for shown in clips], listener.rate_hz, instrument
        ),
        clips,
        strict=True,
      )
    ]
    name = profile_file_name(instrument)
    if name in files:
      raise InputError(
        f"--profiles: two instruments would both be {name}; the second is "
        f"{instrument!r}: build the dataset with another name for it"
      )
    profile = make_profile(instrument, archive.content_hash, heard)
    files[name] = profile_bytes(profile)
  return files
