"""Who is there: tabs, their folders, and how they end."""

import threading

import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.web.visitors import Visitors


def begin(visitors, visitor="one", session="s"):
  return visitors.tab(visitor, visitors.enter(visitor, session))


def write(visitors, tab):
  with visitors.at_work(tab) as folder:
    (folder / "song.wav").write_bytes(b"x")
  return folder


def test_a_tab_is_found_by_its_visitor_alone(tmp_path):
  visitors = Visitors(tmp_path)
  tab = begin(visitors)
  assert visitors.tab("one", tab.name) is tab
  for visitor, name in (("two", tab.name), ("one", tab.name[:-1]), ("", "")):
    with pytest.raises(InputError, match="load it again"):
      visitors.tab(visitor, name)


def test_folders_are_the_owners_and_go_with_their_tab(tmp_path):
  visitors = Visitors(tmp_path)
  first, second = begin(visitors), begin(visitors, session="other")
  folders = [write(visitors, tab) for tab in (first, second)]
  assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o700] * 2
  assert first.name not in str(folders[0])
  # Another visitor's browser cannot end it by the same session.
  visitors.leave("two", "s")
  assert folders[0].exists()
  visitors.leave("one", "s")
  assert [folder.exists() for folder in folders] == [False, True]
  with pytest.raises(InputError):
    visitors.tab("one", first.name)
  with pytest.raises(InputError), visitors.at_work(first):
    pytest.fail("the tab has ended")


def test_what_is_written_while_a_tab_ends_goes_too(tmp_path):
  visitors = Visitors(tmp_path)
  tab = begin(visitors)
  with visitors.at_work(tab) as folder:
    visitors.leave("one", "s")
    assert tab.ended.is_set()
    # As a writer does that makes the folders it needs.
    (folder / "results").mkdir(parents=True)
  assert not list(tmp_path.iterdir())


def test_the_end_waits_for_what_is_at_work(tmp_path):
  visitors = Visitors(tmp_path)
  tab = begin(visitors)
  begun, done = threading.Event(), []

  def work():
    with visitors.at_work(tab) as folder:
      begun.set()
      tab.ended.wait(60)
      (folder / "late").mkdir(parents=True)
      done.append(True)

  worker = threading.Thread(target=work)
  worker.start()
  begun.wait(60)
  visitors.close()
  assert done
  assert not list(tmp_path.iterdir())
  worker.join()
  # Who comes later gets nothing.
  with pytest.raises(InputError), visitors.at_work(begin(visitors)):
    pytest.fail("the server has ended")


def test_tabs_that_are_long_forgotten_end(tmp_path):
  visitors = Visitors(tmp_path)
  old, new = begin(visitors), begin(visitors, session="other")
  folder = write(visitors, old)
  old.last_seen_s -= 7 * 3600
  new.last_seen_s -= 5 * 3600
  begin(visitors, session="third")
  assert not folder.exists()
  with pytest.raises(InputError):
    visitors.tab("one", old.name)
  assert visitors.tab("one", new.name) is new
