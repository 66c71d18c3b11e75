"""Profiles of the instruments that a run was trained on, made of its data."""

from fewshot_mss.data.instrument_clips import instrument_clips
from fewshot_mss.data.sources import Sources
from fewshot_mss.errors import InputError
from fewshot_mss.inference.profile_files import profile_bytes
from fewshot_mss.inference.profile_search import profile_file_name
from fewshot_mss.inference.profiles import make_profile
from fewshot_mss.inference.separator import Separator


def instrument_profiles(
  separator: Separator, sources: Sources, count: int
) -> dict[str, bytes]:
  """Makes a profile of each instrument that training has heard.

  Args:
    separator: Of the model, asked by examples.
    sources: The datasets of the run.
    count: Of how many clips, at most.

  Returns:
    The contents of the files by their names.

  Raises:
    InputError: If two instruments would have one file.
  """
  listener, model_hash = separator.listener, separator.archive.content_hash
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
    profile = make_profile(instrument, model_hash, heard)
    files[name] = profile_bytes(profile)
  return files
