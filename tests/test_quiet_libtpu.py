"""Names that libtpu misses are given, but never where a TPU may read them."""

import os

import pytest

from fewshot_mss.quiet_libtpu import NAMES, quiet_libtpu


@pytest.fixture
def pci(tmp_path, monkeypatch):
  for name in NAMES:
    # First set, so that what the test sets itself is taken back as well.
    monkeypatch.setenv(name, "")
    monkeypatch.delenv(name)
  for device, vendor in (
    ("0000:00:01.0", "0x8086"),
    ("0000:00:02.0", "0x10de"),
  ):
    (tmp_path / device).mkdir()
    (tmp_path / device / "vendor").write_text(f"{vendor}\n")
  return tmp_path


def test_names_are_given_where_there_is_no_tpu(pci, monkeypatch):
  monkeypatch.setenv("TPU_WORKER_HOSTNAMES", "mine")
  quiet_libtpu(pci)
  assert os.environ["TPU_ACCELERATOR_TYPE"] == NAMES["TPU_ACCELERATOR_TYPE"]
  assert os.environ["TPU_WORKER_HOSTNAMES"] == "mine"


def test_a_machine_without_such_a_list_has_no_tpu(pci):
  quiet_libtpu(pci / "missing")
  assert {name: os.environ[name] for name in NAMES} == NAMES


def test_a_machine_with_a_tpu_is_left_alone(pci):
  (pci / "0000:00:02.0" / "vendor").write_text("0x1ae0\n")
  quiet_libtpu(pci)
  assert not NAMES.keys() & os.environ.keys()
