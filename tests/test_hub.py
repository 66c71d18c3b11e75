"""Models go to the hub and come back, against a stand-in of its client."""

import sys
from pathlib import Path

import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.export.archive import load_archive, save_archive
from fewshot_mss.export.hub import check_push, local_folder, push_folder
from fewshot_mss.inference.separator import Separator
from hub_stand_in import HfHubHTTPError, HFValidationError, HTTPError, stand_in
from tiny_archive import write_archive


@pytest.fixture
def hub(monkeypatch, tmp_path):
  return stand_in(monkeypatch, tmp_path / "hub")


@pytest.fixture
def model(tmp_path):
  return write_archive(tmp_path / "model")


def test_a_pushed_model_comes_back_as_it_was(hub, model):
  address = push_folder(model, "me/horns")
  assert address == "https://huggingface.co/me/horns"
  (hub.folder / "me/horns/pytorch_model.bin").write_text("not ours")
  fetched = local_folder("hf://me/horns")
  assert fetched != model
  for name in ("config.json", "model.safetensors"):
    assert (fetched / name).read_bytes() == (model / name).read_bytes()
  assert not (fetched / "pytorch_model.bin").exists()
  loaded = Separator.from_pretrained("hf://me/horns").archive
  assert (
    loaded.content_hash == Separator.from_pretrained(model).archive.content_hash
  )


def test_a_new_model_is_private(hub, model):
  push_folder(model, "me/horns")
  names = [name for name, _ in hub.calls]
  assert names == ["create_repo", "upload_folder"]
  assert hub.calls[0][1]["private"] is True


def test_a_revision_and_the_form_that_a_path_gives_it(hub, model):
  push_folder(model, "me/horns@v2")
  # As `separate --model` reads it.
  for place in (Path("hf://me/horns@v2"), "hf://me/horns@v2"):
    fetched = local_folder(place)
    assert fetched.name == "horns@v2"
  with pytest.raises(
    InputError, match=r"hf://me/horns cannot be fetched \(404"
  ):
    local_folder("hf://me/horns")


def test_a_folder_is_a_folder_and_asks_nobody(hub, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  for place in ("me/horns", Path("me/horns"), "absent"):
    assert local_folder(place) == Path(place)
  with pytest.raises(InputError, match=r"me/horns/config\.json cannot be read"):
    Separator.from_pretrained("me/horns")
  assert hub.calls == []


@pytest.mark.parametrize(
  "error",
  [
    HfHubHTTPError("403 Forbidden\nRequest ID: 17"),
    HTTPError("403 Forbidden\nRequest ID: 17"),
    OSError("403 Forbidden\nRequest ID: 17"),
    HFValidationError("403 Forbidden\nRequest ID: 17"),
  ],
)
def test_what_the_hub_or_the_network_refuses_is_told_in_a_line(
  hub, model, error
):
  push_folder(model, "me/horns")
  hub.fails_with = error
  with pytest.raises(InputError) as caught:
    push_folder(model, "me/horns")
  assert "could not be pushed to me/horns (403 Forbidden)" in str(caught.value)
  with pytest.raises(InputError) as caught:
    local_folder("hf://me/horns")
  assert "hf://me/horns cannot be fetched (403 Forbidden)" in str(caught.value)
  assert "\n" not in str(caught.value)


def test_who_is_not_logged_in_hears_it_before_anything_is_uploaded(hub):
  check_push("me/horns")
  hub.user = None
  with pytest.raises(InputError, match=r"\(Token is required\): log in"):
    check_push("me/horns")


def test_a_card_that_was_changed_on_the_hub_is_not_pushed_over(hub, tmp_path):
  model = tmp_path / "model"
  archive = load_archive(write_archive(tmp_path / "plain"))
  save_archive(
    model,
    archive.params,
    model=archive.model,
    instruments=archive.instruments,
    training=archive.training,
    card="# horns\n",
  )
  push_folder(model, "me/horns")
  check_push("me/horns")
  card = hub.folder / "me/horns/README.md"
  card.write_text("---\nlicense: mit\n---\n# horns\n")
  with pytest.raises(InputError, match=r"README\.md has been changed there"):
    check_push("me/horns")
  # Of a model that a person has made, with nothing else in it.
  (hub.folder / "me/new").mkdir()
  card.rename(hub.folder / "me/new/README.md")
  with pytest.raises(InputError, match=r"README\.md has been changed there"):
    check_push("me/new")


@pytest.mark.parametrize(
  ("there", "pushed"), [("archive", "onnx"), ("onnx", "archive")]
)
def test_one_form_is_not_pushed_over_another(hub, model, there, pushed):
  push_folder(model, "me/horns")
  if there == "onnx":
    path = hub.folder / "me/horns/config.json"
    path.write_text('{"format_version": 2, "onnx": {"opset": 20}}')
  check_push("me/horns", there)
  with pytest.raises(InputError, match=f"an export as {there} is there"):
    check_push("me/horns", pushed)


def test_what_cannot_be_seen_is_not_pushed_over(hub, model):
  push_folder(model, "me/horns")
  hub.fails_with = HfHubHTTPError("403 Forbidden")
  with pytest.raises(InputError, match=r"cannot be seen \(403 Forbidden\)"):
    check_push("me/horns")


@pytest.mark.parametrize(
  "name", ["horns", "me/my/horns", "../horns", "me/ho rns", "/horns", "me/"]
)
def test_what_is_no_name_is_refused_without_asking(hub, name):
  with pytest.raises(InputError, match=r"--push=.* names no model of the hub"):
    check_push(name)
  with pytest.raises(InputError, match=r"names no model of the hub"):
    local_folder(f"hf://{name}" if name != "/horns" else "hf://")
  assert hub.calls == []


def test_the_extra_is_named_if_the_client_is_missing(monkeypatch):
  monkeypatch.setitem(sys.modules, "huggingface_hub", None)
  for ask in (lambda: check_push("me/x"), lambda: local_folder("hf://me/x")):
    with pytest.raises(InputError, match=r"pip install 'fewshot-mss\[hub\]'"):
      ask()
