"""What the parts of a song are written as, and where."""

from pathlib import Path

import pytest

from fewshot_mss.audio.blocks import AudioInfo
from fewshot_mss.errors import InputError
from fewshot_mss.inference.outputs import check_plans, choose_form, plan_song

SONG = Path("song.x")


def info(container, subtype, rate_hz=44_100, num_samples=1000):
  return AudioInfo(rate_hz, 2, num_samples, subtype, container)


@pytest.mark.parametrize(
  ("container", "subtype", "form"),
  [
    ("WAV", "PCM_24", ("wav", "PCM_24")),
    ("WAVEX", "PCM_24", ("wav", "PCM_24")),
    ("RF64", "FLOAT", ("wav", "FLOAT")),
    ("WAV", "DOUBLE", ("wav", "DOUBLE")),
    ("WAV", "IMA_ADPCM", ("wav", "FLOAT")),
    ("FLAC", "PCM_S8", ("flac", "PCM_S8")),
    ("FLAC", "PCM_16", ("flac", "PCM_16")),
    ("AIFF", "PCM_U8", ("aiff", "PCM_S8")),
    ("AIFF", "FLOAT", ("aiff", "FLOAT")),
    ("W64", "PCM_32", ("w64", "PCM_32")),
    ("CAF", "ALAC_20", ("wav", "PCM_24")),
    ("OGG", "VORBIS", ("wav", "FLOAT")),
    ("MP3", "MPEG_LAYER_III", ("wav", "FLOAT")),
  ],
)
def test_a_song_is_kept_as_it_came(container, subtype, form):
  assert choose_form(SONG, info(container, subtype), None, None) == form


@pytest.mark.parametrize(
  ("subtype", "wanted", "depth", "form"),
  [
    ("PCM_16", "flac", None, ("flac", "PCM_16")),
    ("PCM_U8", "flac", None, ("flac", "PCM_S8")),
    ("PCM_32", "flac", None, ("flac", "PCM_24")),
    ("FLOAT", "flac", None, ("flac", "PCM_24")),
    ("MPEG_LAYER_III", "flac", None, ("flac", "PCM_16")),
    ("PCM_24", "mp3", None, ("mp3", "MPEG_LAYER_III")),
    ("PCM_24", "ogg", None, ("ogg", "VORBIS")),
    ("PCM_16", "wav", "float", ("wav", "FLOAT")),
    ("PCM_16", "aiff", "32", ("aiff", "PCM_32")),
    ("FLOAT", "flac", "16", ("flac", "PCM_16")),
  ],
)
def test_a_form_that_is_asked_for(subtype, wanted, depth, form):
  assert choose_form(SONG, info("WAV", subtype), wanted, depth) == form


def test_a_depth_that_the_song_has_not_moves_it_to_a_wav():
  song = info("FLAC", "PCM_16")
  assert choose_form(SONG, song, None, "float") == ("wav", "FLOAT")
  assert choose_form(SONG, song, None, "24") == ("flac", "PCM_24")


@pytest.mark.parametrize(
  ("wanted", "depth", "rate_hz", "said"),
  [
    ("flac", "32", 8000, "flac has 16 and 24"),
    ("mp3", "16", 8000, "mp3 has no bit depth"),
    ("ogg", "float", 8000, "ogg has no bit depth"),
    ("mp3", None, 96_000, r"song\.x has 96000 Hz, which mp3 has not"),
  ],
)
def test_forms_that_cannot_be_are_refused(wanted, depth, rate_hz, said):
  with pytest.raises(InputError, match=said):
    choose_form(SONG, info("WAV", "PCM_16", rate_hz), wanted, depth)


def test_too_long_for_aiff():
  # 2 channels of 3 bytes.
  short, long = (info("AIFF", "PCM_24", num_samples=n) for n in (10**8, 10**9))
  assert choose_form(SONG, short, None, None) == ("aiff", "PCM_24")
  assert choose_form(SONG, long, None, None) == ("wav", "PCM_24")
  with pytest.raises(InputError, match="too long for aiff"):
    choose_form(SONG, long, "aiff", None)


@pytest.mark.parametrize(
  ("name", "folder"),
  [
    ("song.wav", "song"),
    ("a.b.flac", "a.b"),
    (".wav", ".wav"),
    ("..wav", "..wav"),
    ("...wav", "...wav"),
    ("-x y'\n.wav", "-x y'\n"),
  ],
)
def test_no_song_is_written_anywhere_else(name, folder):
  form = choose_form(SONG, info("WAV", "PCM_16"), None, None)
  plan = plan_song(
    Path("in", name), info("WAV", "PCM_16"), Path("out"), ["a"], form
  )
  assert plan.paths == (Path("out", folder, "a.wav"),)


def plan(output, name):
  song = info("WAV", "PCM_16")
  form = choose_form(SONG, song, None, None)
  return plan_song(Path(name), song, output, ["target", "residual"], form)


def test_two_songs_of_one_name_are_refused(tmp_path):
  for other in ("b/song.flac", "Song.wav"):
    plans = [plan(tmp_path, "song.wav"), plan(tmp_path, other)]
    with pytest.raises(InputError, match="would both be written to"):
      check_plans(plans, [], overwrite=True)


def test_what_is_in_the_way_is_named(tmp_path):
  (tmp_path / "out" / "song" / "residual.wav").mkdir(parents=True)
  with pytest.raises(InputError, match=r"residual\.wav is a folder"):
    check_plans([plan(tmp_path / "out", "song.wav")], [], overwrite=True)
  (tmp_path / "file").touch()
  # The super-user may write wherever permissions forbid it, but not in /proc.
  for output in ("file", "file/below", "/proc/below"):
    with pytest.raises(InputError, match="cannot be written"):
      check_plans([plan(tmp_path / output, "song.wav")], [], overwrite=True)


def test_a_link_to_nothing_is_there_already(tmp_path):
  one = plan(tmp_path, "song.wav")
  one.folder.mkdir()
  one.paths[1].symlink_to(tmp_path / "unplugged" / "residual.wav")
  with pytest.raises(InputError, match=r"residual\.wav is there already"):
    check_plans([one], [], overwrite=False)
  check_plans([one], [], overwrite=True)


def test_checking_makes_nothing(tmp_path):
  check_plans([plan(tmp_path / "a" / "b", "song.wav")], [], overwrite=False)
  assert list(tmp_path.iterdir()) == []
