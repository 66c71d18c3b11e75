"""The file from which an interrupted evaluation goes on."""

import json

import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.evaluation import scores as names
from fewshot_mss.evaluation.journal import Journal, remove_journals
from test_summary import score

DEPENDS_ON = {"weights": "abc", "eval": {"batch": 2, "shots": [1, 3]}}
NAME = "unfinished_0_of_1.jsonl"
NAN = float("nan")


def rows(*indices, dataset="one"):
  """Two rows an item, with figures that text could round, or lose."""
  return [
    score(
      i,
      system,
      shots,
      0.1 + i / 3,
      dataset=dataset,
      family="winds",
      snr_db=1e-7 * i,
      level_over_mixture_db=-2 / 3,
    )
    for i in indices
    for system, shots in ((names.MIXTURE, None), (names.MODEL, 3))
  ]


def written(folder, *batches, depends_on=DEPENDS_ON, **share):
  with Journal(folder, depends_on, **share) as journal:
    for batch in batches:
      journal.add(batch)
  return journal


def test_batches_come_back_to_the_last_bit(tmp_path, capsys):
  written(tmp_path / "new", rows(4, 2), rows(7))
  assert capsys.readouterr().err == ""
  found = Journal(tmp_path / "new", DEPENDS_ON)
  assert found.num_found == 3
  assert found.scores_of("one", [4, 2]) == rows(4, 2)
  # In the order of the items, also of batches of another size.
  assert found.scores_of("one", [2, 7]) == rows(2, 7)
  assert "goes on, 3 items are done" in capsys.readouterr().err


def test_a_batch_is_done_if_all_its_items_are(tmp_path):
  written(tmp_path, rows(1, 2))
  found = Journal(tmp_path, DEPENDS_ON)
  assert found.scores_of("one", [1, 3]) is None
  assert found.scores_of("other", [1]) is None


def test_a_figure_that_does_not_exist_stays_nan(tmp_path):
  written(tmp_path, [score(0, names.MODEL, 1, NAN)])
  (row,) = Journal(tmp_path, DEPENDS_ON).scores_of("", [0])
  assert row.si_sdr_db != row.si_sdr_db and row.usdr_db == 1.0


def test_what_lies_aside_comes_back_with_its_batch(tmp_path):
  with Journal(tmp_path, DEPENDS_ON) as journal:
    journal.add(rows(4, 2), {"bass": {"SDR": [0.1, NAN]}})
    journal.add(rows(7), {"horn": 1 / 3})
    journal.add(rows(8))
  found = Journal(tmp_path, DEPENDS_ON)
  bass = found.aside_of("one", [4])["bass"]["SDR"]
  assert bass[0] == 0.1 and bass[1] != bass[1]
  assert sorted(found.aside_of("one", [2, 7])) == ["bass", "horn"]
  assert found.aside_of("one", [7, 8]) == {"horn": 1 / 3}
  assert found.aside_of("one", [8]) == found.aside_of("other", [4]) == {}
  assert found.scores_of("one", [4, 2, 8]) == rows(4, 2, 8)


def test_nothing_is_written_before_there_is_a_batch(tmp_path):
  written(tmp_path / "new")
  assert not (tmp_path / "new").exists()


def test_each_batch_is_there_as_soon_as_it_is_added(tmp_path):
  with Journal(tmp_path, DEPENDS_ON) as journal:
    journal.add(rows(1))
    assert (tmp_path / NAME).read_bytes().count(b"\n") == 2
    journal.add(rows(2))
    assert (tmp_path / NAME).read_bytes().count(b"\n") == 3


@pytest.mark.parametrize("kept", [1, 40, -2, -1])
def test_a_torn_last_line_is_dropped_and_written_over(tmp_path, kept):
  written(tmp_path, rows(1), rows(2))
  whole = (tmp_path / NAME).read_bytes()
  begin = whole.rindex(b"\n", 0, -1) + 1
  last = whole[begin:]
  (tmp_path / NAME).write_bytes(whole[:begin] + last[:kept])
  again = Journal(tmp_path, DEPENDS_ON)
  assert again.num_found == 1
  assert again.scores_of("one", [2]) is None
  again.add(rows(2))
  again.__exit__()
  assert (tmp_path / NAME).read_bytes() == whole


@pytest.mark.parametrize(
  "damage", [b"\0\0\0\n", b"[[[1, 2]], {}]\n", b"[]\n", b"[[]]\n", b"null\n"]
)
def test_nothing_behind_a_damaged_line_is_used(tmp_path, damage):
  written(tmp_path, rows(1))
  before = (tmp_path / NAME).read_bytes()
  written(tmp_path, rows(2))
  line = (tmp_path / NAME).read_bytes()[len(before) :]
  (tmp_path / NAME).write_bytes(before + damage + line)
  assert Journal(tmp_path, DEPENDS_ON).num_found == 1
  written(tmp_path, rows(3))
  assert Journal(tmp_path, DEPENDS_ON).num_found == 2
  assert damage not in (tmp_path / NAME).read_bytes()


@pytest.mark.parametrize(
  ("changes", "said"),
  [
    ({"weights": "other"}, "(weights)"),
    ({"eval": {"batch": 4, "shots": [1, 3]}}, "(eval)"),
    ({"eval": 0, "weights": 0}, "(eval, weights)"),
    ({"metrics": 2}, "(metrics)"),
  ],
)
def test_what_depends_on_other_things_is_scored_anew(
  tmp_path, capsys, changes, said
):
  written(tmp_path, rows(1))
  other = DEPENDS_ON | changes
  journal = Journal(tmp_path, other)
  assert journal.num_found == 0 and journal.scores_of("one", [1]) is None
  err = capsys.readouterr().err
  assert f"of another {said}: its items are scored anew" in err
  assert "goes on" not in err
  # Until the first batch, what was there stays.
  assert Journal(tmp_path, DEPENDS_ON).num_found == 1
  written(tmp_path, rows(2), depends_on=other)
  assert Journal(tmp_path, other).num_found == 1


def test_tuples_and_the_order_of_names_make_no_difference(tmp_path):
  written(tmp_path, rows(1))
  same = {"eval": {"shots": (1, 3), "batch": 2}, "weights": "abc"}
  assert Journal(tmp_path, same).num_found == 1


def test_a_damaged_first_line_is_named(tmp_path, capsys):
  (tmp_path / NAME).write_bytes(b"{\n")
  assert Journal(tmp_path, DEPENDS_ON).num_found == 0
  assert "first line is damaged" in capsys.readouterr().err
  # A kill while it was written: nothing was lost, nothing is said.
  (tmp_path / NAME).write_bytes(b"{")
  Journal(tmp_path, DEPENDS_ON)
  assert capsys.readouterr().err == ""


def test_hosts_write_their_own_file_and_read_all(tmp_path, capsys):
  written(tmp_path, rows(1), host=0, hosts=2)
  written(tmp_path, rows(2), host=1, hosts=2)
  assert sorted(path.name for path in tmp_path.iterdir()) == [
    "unfinished_0_of_2.jsonl",
    "unfinished_1_of_2.jsonl",
  ]
  capsys.readouterr()
  assert Journal(tmp_path, DEPENDS_ON, 1, 2).num_found == 2
  assert capsys.readouterr().err == ""
  # One host alone goes on from the two.
  alone = written(tmp_path, rows(3))
  assert alone.num_found == 2
  assert Journal(tmp_path, DEPENDS_ON).num_found == 3
  (tmp_path / "evaluation.md").write_text("")
  remove_journals(tmp_path)
  assert [path.name for path in tmp_path.iterdir()] == ["evaluation.md"]


def test_files_that_cannot_be_are_named(tmp_path):
  (tmp_path / "file").write_text("")
  with pytest.raises(InputError, match=r"unfinished_0_of_1.jsonl cannot be wr"):
    Journal(tmp_path / "file" / "below", DEPENDS_ON).add(rows(1))
  (tmp_path / NAME).mkdir()
  with pytest.raises(InputError, match=r"unfinished_0_of_1.jsonl cannot be re"):
    Journal(tmp_path, DEPENDS_ON)


def test_the_first_line_holds_digests_alone(tmp_path):
  written(tmp_path, rows(1))
  first, _ = (tmp_path / NAME).read_text("utf-8").splitlines()
  header = json.loads(first)
  assert sorted(header) == ["columns", "eval", "weights"]
  assert {len(digest) for digest in header.values()} == {64}
