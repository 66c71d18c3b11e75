"""Whether an Ogg file, Vorbis or Opus, is one stream up to its end.

Its header does not state a length, so of a file that was cut off libsndfile
reads what is there and takes it for all; of several streams one after another,
as they are put together by `cat`, it reads the first.
"""

from pathlib import Path

# A page has 27 bytes, a length of up to 255 parts, and up to 255 bytes in each:
# the last one begins in the last 64 KiB of a file.
_END_BYTES = 1 << 16
_PAGE = b"OggS"
_FLAGS, _PARTS, _HEADER_BYTES = 5, 26, 27
_SERIAL = slice(14, 18)
_BEGIN_OF_STREAM, _END_OF_STREAM = 2, 4


def ogg_fault(path: Path) -> str | None:
  """Tells what is wrong with an Ogg file as a whole.

  Args:
    path: Of the file. What follows its last page, tags for instance, is passed
      over.

  Returns:
    What it does, in a few words, with the way out; None if the last page is
    whole and ends a stream that began with the file.
  """
  with path.open("rb") as file:
    begin = file.read(_END_BYTES)
    size = file.seek(0, 2)
    file.seek(max(0, size - _END_BYTES))
    end = file.read()
  page = end[end.rfind(_PAGE) :]
  length = _length(page)
  if not length or len(page) < length or not page[_FLAGS] & _END_OF_STREAM:
    return "ends before its stream does: copy or export it again"
  if page[_SERIAL] not in _first_serials(begin):
    return (
      "holds several streams one after another, of which only the first would "
      "be read: re-encode it as one, or convert it to flac"
    )
  return None


def _length(page: bytes) -> int:
  """Returns how long a page is, whole or not; 0 if its header is not there."""
  if not page.startswith(_PAGE) or len(page) < _HEADER_BYTES:
    return 0
  lengths = page[_HEADER_BYTES : _HEADER_BYTES + page[_PARTS]]
  if len(lengths) < page[_PARTS]:
    return 0
  return _HEADER_BYTES + len(lengths) + sum(lengths)


def _first_serials(begin: bytes) -> set[bytes]:
  """Returns the streams that begin with the file, whose pages come first.

  There may be several: a skeleton, for instance, or a picture beside the sound.
  """
  serials = set()
  while (length := _length(begin)) and begin[_FLAGS] & _BEGIN_OF_STREAM:
    serials.add(begin[_SERIAL])
    begin = begin[length:]
  return serials
