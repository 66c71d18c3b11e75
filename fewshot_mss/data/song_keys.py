"""One key for a song, however a dataset spells its artist and title.

MUSDB18 took many of its songs from MedleyDB: what trains on the one must not
be tested on the other.
"""

import re
import unicodedata

_GUEST = re.compile(
  r"(?:(?<=\s)|(?<=[(\[]))(?:feat\.|feat(?=\s)|ft\.|featuring(?=\s))"
  # Up to the bracket's end, to the title, or to the end.
  r".*?(?=[)\]]|\s-\s|$)",
  re.IGNORECASE,
)
# Letters that are no letter with an accent to Unicode.
_PLAIN = str.maketrans(
  {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th"}
)


def song_key(title: str) -> str:
  """Folds the name of a song so that the names of one song are equal.

  Case, accents, spaces and punctuation do not count, `&` and `+` are `and`,
  and guests (`feat. Somebody`) are left out. Artist and title are not told
  apart, for titles hold ` - ` and `_` themselves.

  Args:
    title: `Artist - Title` (MUSDB18), `Artist_Title` (MedleyDB) or any other
      name, without the ending of a file.

  Returns:
    Small letters and digits: `musicdeltarock` of `Music Delta - Rock` and of
    `MusicDelta_Rock`. A name without any, such as `!!!`, is its own key.
  """
  without_guest = _GUEST.sub("", title)
  spelled = re.sub(r"[&+]", " and ", without_guest)
  decomposed = unicodedata.normalize("NFKD", spelled.casefold())
  plain = decomposed.translate(_PLAIN)
  key = "".join(letter for letter in plain if letter.isalnum())
  return key or "".join(title.casefold().split())
