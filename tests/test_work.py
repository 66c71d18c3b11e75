"""Options of Beam, and what becomes of work that cannot go on."""

import pytest
import tqdm

from fewshot_mss.data import work
from fewshot_mss.data.shards import write_shard
from fewshot_mss.errors import InputError, RunError


@pytest.mark.parametrize("words", [("",), ("--runner=FlinkRunner",)])
def test_options_of_beam_are_words_without_dashes(words):
  with pytest.raises(InputError, match="write them as runner=FlinkRunner"):
    work.beam_options(words)


@pytest.mark.parametrize(
  ("word", "message"),
  [
    ("direct_num_workers=-1", "direct_num_workers is -1: give at least 1"),
    ("direct_num_workers=two", "invalid int value: 'two'"),
    ("direct_num_worker=2", "'direct_num_worker=2', which means nothing"),
    ("direct_running_mode=multi_processing", "means nothing without runner="),
    ("help", "--beam_options help cannot be read"),
    ("runner=FlingRunner", "runner 'FlingRunner' is not there"),
  ],
)
def test_options_that_beam_would_pass_over_are_refused(word, message, capsys):
  with pytest.raises(InputError, match=message) as raised:
    work.beam_options((word,))
  assert "\n" not in str(raised.value)
  assert capsys.readouterr() == ("", "")


def test_a_runner_takes_options_of_its_own():
  words = ("runner=FlinkRunner", "flink_master=h:8081", "parallelism=3")
  options = work.beam_options(words)
  kept = options.get_all_options(drop_default=True)
  assert kept["flink_master"] == "h:8081"
  assert kept["parallelism"] == 3


@pytest.mark.parametrize("count", [1, 2])
def test_work_that_cannot_go_on_says_so_in_a_line(tmp_path, capfd, count):
  there = [tmp_path / "lost.safetensors"]
  with pytest.raises(RunError) as raised:
    work.make_files(
      write_shard,
      [(tmp_path / "a", there), (tmp_path / "b", there)],
      options=work.beam_options((f"direct_num_workers={count}",)),
      unit="file",
      progress=False,
    )
  said = capfd.readouterr().err.splitlines()
  if count == 1:
    said.append(str(raised.value))
  # One of each process that did the work, and no traceback.
  assert len(said) == count
  for line in said:
    assert line.startswith(f"{tmp_path} cannot be written")
    assert line.endswith("it goes on where it was")


def test_the_bar_counts_files_as_they_appear_and_a_lost_folder_is_none(
  tmp_path,
):
  paths = [tmp_path / "a" / "1", tmp_path / "b" / "1", tmp_path / "lost" / "1"]
  with (
    (tmp_path / "log").open("w") as log,
    tqdm.tqdm(total=3, file=log) as bar,
    work._watched(paths, bar),
  ):
    for path in paths[:2]:
      path.parent.mkdir()
      path.touch()
    (tmp_path / "a" / "another").touch()
  assert bar.n == 2
