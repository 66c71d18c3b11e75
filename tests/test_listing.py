"""The listing names what is there, with minutes counted by hand."""

import pytest
from rich.console import Console

from fewshot_mss.data.catalogue import save_catalogue
from fewshot_mss.data.labels import all_labels
from fewshot_mss.data.listing import describe_dataset, describe_labels
from fewshot_mss.errors import InputError


def printed(renderable, width):
  console = Console(width=width)
  with console.capture() as capture:
    console.print(renderable)
  return capture.get()


def text_of(directory, width=120):
  return printed(describe_dataset(directory), width)


def row_of(text, name):
  """The cells of the table row that begins with a name."""
  (line,) = [x for x in text.split("\n") if x.startswith(f"│ {name} ")]
  return [cell.strip() for cell in line.strip("│").split("│")]


@pytest.fixture
def directory(catalogue_of, tmp_path):
  # 180 moments of train song a, in all of which the violin plays; the drums
  # play in 90 of them; a segment is a second.
  lines = [f"train a violin {i} [old]" for i in range(180)]
  lines += [f"train a drums {i} kit" for i in range(90)]
  lines += [f"train b violin {i} new" for i in range(60)]
  lines += [f"test c horn {i} brass" for i in range(30)]
  catalogue = catalogue_of(
    "\n".join(lines),
    unseen=("horn",),
    unheard_patches=("new",),
    sources=("recorded by [hand]", "a second source"),
  )
  save_catalogue(catalogue, tmp_path)
  return tmp_path


def test_head_says_form_and_origin(directory):
  text = text_of(directory)
  assert "16 Hz, mono, segments of 1 s" in text
  assert "origin: recorded by [hand]; a second source" in text


def test_splits_count_songs_segments_and_hours(directory):
  text = text_of(directory)
  # 240 moments are 0.07 h, 330 segments 0.09 h.
  assert row_of(text, "train") == ["train", "2", "330", "0.07", "0.09"]
  assert row_of(text, "validation") == ["validation", "0", "0", "0.00", "0.00"]
  assert row_of(text, "test") == ["test", "1", "30", "0.01", "0.01"]
  assert row_of(text, "all") == ["all", "3", "360", "0.07", "0.10"]


def test_instruments_have_patches_and_minutes(directory):
  text = text_of(directory)
  assert "3 instruments, 2 seen" in text
  assert row_of(text, "violin") == [
    "violin",
    "family",
    "[old], new (kept out)",
    "seen",
    "4.0",
    "-",
    "-",
  ]
  assert row_of(text, "drums")[3:] == ["seen", "1.5", "-", "-"]
  assert row_of(text, "horn")[2:] == ["brass", "unseen", "-", "-", "0.5"]
  # The unseen come last.
  assert text.index("│ violin") < text.index("│ horn")


def test_many_patches_are_counted(catalogue_of, tmp_path):
  lines = [f"train a violin {i} p{i}" for i in range(5)]
  lines += [f"train a horn {i} q{i}" for i in range(4)]
  catalogue = catalogue_of("\n".join(lines), unheard_patches=("p1", "p3"))
  save_catalogue(catalogue, tmp_path)
  text = text_of(tmp_path)
  assert row_of(text, "violin")[2] == "5 patches, 2 kept out"
  assert row_of(text, "horn")[2] == "4 patches"


def test_what_nobody_stated_is_said(catalogue_of, tmp_path):
  save_catalogue(catalogue_of("train a violin 0"), tmp_path)
  assert "origin: not stated" in text_of(tmp_path)


def test_no_cell_is_cut_off_on_a_narrow_terminal(directory):
  assert "…" not in text_of(directory, width=60)


def test_a_folder_that_is_no_dataset_is_refused(tmp_path):
  with pytest.raises(InputError, match="data build"):
    describe_dataset(tmp_path)


def test_labels_are_listed_by_instrument():
  text = printed(describe_labels(), 400)
  rows = all_labels()
  instruments = {row.instrument for row in rows}
  families = sorted({row.family for row in rows})
  assert text.startswith(
    f"{len(rows)} labels of 6 vocabularies are {len(instruments)} instruments"
  )
  lines = [line for line in text.split("\n") if line.startswith("│")]
  cells = [
    [cell.strip() for cell in line.strip("│").split("│")] for line in lines
  ]
  assert len(cells) == len(instruments)
  assert [
    "strings",
    "violin",
    "general_midi: fiddle | violin; medley_solos_db: violin; medleydb: violin; "
    "moisesdb: bowed strings/violin | bowed strings/violin (solo)",
  ] in cells
  assert [row[0] for row in cells] == sorted(row[0] for row in cells)
  # A line between two families, and at none of the ends.
  rules = [line for line in text.split("\n") if line.startswith("├")]
  assert len(rules) == len(families) - 1
  place = text.split("\n").index(rules[0])
  assert text.split("\n")[place - 1].startswith(f"│ {families[0]} ")
  assert text.split("\n")[place + 1].startswith(f"│ {families[1]} ")
