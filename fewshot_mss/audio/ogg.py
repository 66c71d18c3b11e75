"""Whether an Ogg file, Vorbis or Opus, goes on to the end of its stream.

Its header does not state a length, so of a file that was cut off libsndfile
reads what is there and takes it for all.
"""

from pathlib import Path

# A page has 27 bytes, a length of up to 255 parts, and up to 255 bytes in each:
# the last one begins in the last 64 KiB of a file.
_END_BYTES = 1 << 16
_PAGE = b"OggS"
_FLAGS, _PARTS, _HEADER_BYTES = 5, 26, 27
_END_OF_STREAM = 4


def ends_properly(path: Path) -> bool:
  """Tells whether the last page of an Ogg file is whole and ends a stream.

  Args:
    path: Of the file. What follows its last page, tags for instance, is passed
      over.

  Returns:
    False of a file that was cut off, at a page or within one.
  """
  with path.open("rb") as file:
    size = file.seek(0, 2)
    file.seek(max(0, size - _END_BYTES))
    end = file.read()
  page = end[end.rfind(_PAGE) :]
  if not page.startswith(_PAGE) or len(page) < _HEADER_BYTES:
    return False
  lengths = page[_HEADER_BYTES : _HEADER_BYTES + page[_PARTS]]
  is_whole = len(lengths) == page[_PARTS] and (
    len(page) >= _HEADER_BYTES + len(lengths) + sum(lengths)
  )
  return is_whole and bool(page[_FLAGS] & _END_OF_STREAM)
