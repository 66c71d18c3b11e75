"""Words to verbs and configurations; what makes no command is told why."""

import sys
from pathlib import Path

import pytest

from configs import tiny
from fewshot_mss import arguments
from fewshot_mss.default_config import get_config
from fewshot_mss.errors import InputError

TINY = "configs/tiny.py"


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch, pytestconfig):
  monkeypatch.chdir(pytestconfig.rootpath)
  # Python loads another file into the module that is there: what the one
  # defined would still be there for the next.
  monkeypatch.delitem(sys.modules, "config_config", raising=False)


def write(tmp_path, text):
  path = tmp_path / "own.py"
  path.write_text(text)
  return path


def test_a_training_with_a_changed_configuration():
  parsed = arguments.parse(
    [
      "train",
      f"--config={TINY}",
      "--config.train.steps=17",
      "--config.model.unet_channels=(3, 5)",
      "--config.data.random_shots=True",
      "--config.data.sources=some folder",
      "--workdir=runs/x",
    ]
  )
  assert parsed.verb == "train"
  assert parsed.workdir == Path("runs/x")
  assert not parsed.distributed
  assert parsed.coordinator is None
  wanted = tiny.get_config()
  wanted.train.steps = 17
  wanted.model.unet_channels = (3, 5)
  wanted.data.random_shots = True
  wanted.data.sources = "some folder"
  assert parsed.config.to_dict() == wanted.to_dict()


def test_config_in_two_words_and_with_an_argument():
  for words in (
    ["--config", "configs/paper.py:class", "--workdir", "w"],
    ["--workdir=w", "--config=configs/paper.py:class"],
  ):
    parsed = arguments.parse(["train", *words])
    assert parsed.config.model.conditioning == "class"
    assert parsed.workdir == Path("w")


def test_the_hosts_of_a_training():
  parsed = arguments.parse(
    [
      *("train", "--workdir=w", "--distributed", "--coordinator=a:1"),
      *("--num_processes=4", "--process_id=2"),
    ]
  )
  assert parsed.distributed
  hosts = (parsed.coordinator, parsed.num_processes, parsed.process_id)
  assert hosts == ("a:1", 4, 2)
  assert parsed.config is None


def test_data_verbs_and_their_defaults():
  parsed = arguments.parse(["data", "build", "songs", "--output=d"])
  assert parsed.verb == "data build"
  assert (parsed.root, parsed.output) == (Path("songs"), Path("d"))
  assert (parsed.sample_rate_hz, parsed.segment_s) == (8000, 4.0)
  assert (parsed.layout, parsed.unseen, parsed.seed) == (
    "stem_folder",
    None,
    None,
  )
  parsed = arguments.parse(["data", "list", "d"])
  assert (parsed.verb, parsed.dataset) == ("data list", Path("d"))
  parsed = arguments.parse(["data", "show", "d", "--output=o", "--index=3"])
  assert (parsed.verb, parsed.index) == ("data show", 3)


def test_configuration_is_required_where_it_is_read():
  parsed = arguments.parse(["describe", "--config=configs/demo.py"])
  assert arguments.require_config(parsed) is parsed.config
  with pytest.raises(InputError, match=r"name a configuration: --config=FILE"):
    arguments.require_config(arguments.parse(["describe"]))


@pytest.mark.parametrize(
  ("words", "said"),
  [
    ([], "VERB"),
    (["sing"], "'sing'"),
    (["data"], "VERB"),
    (["train"], "--workdir"),
    (["train", "--workdir"], "--workdir"),
    (["train", "--workdir=w", "--nope=1"], "--nope"),
    (["train", "--workdir=w", "--process_id=one"], "--process_id"),
    (["data", "build", "songs"], "--output"),
    (["data", "build", "songs", "--output=d", "--layout=x"], "--layout"),
    (["data", "build", "songs", "--output=d", "--segment_s=x"], "--segment_s"),
    (["data", "show", "d", "--output=o", "--index=1.5"], "--index"),
    (["separate", "song.wav", "-p", "a.wav"], "--output"),
    (["train", "--workdir=w", "--config"], "--config needs a value"),
    (["train", "--workdir=w", "--config=no.py"], "no.py is no file"),
    (["train", "--workdir=w", "--config=configs"], "configs is no file"),
    (
      ["train", "--workdir=w", "--config.train.steps=1"],
      r"--config.train.steps=1 without a file",
    ),
    (
      ["data", "list", "d", f"--config={TINY}"],
      "`fewshot-mss data list` takes",
    ),
    (
      ["separate", "s", "-m=m", "-o=o", f"--config={TINY}"],
      "`fewshot-mss separate` takes no configuration",
    ),
    (
      ["train", "--workdir=w", f"--config={TINY}", "--config.train.stepz=1"],
      'no such key: .stepz. Did you mean "steps"',
    ),
    (
      ["train", "--workdir=w", f"--config={TINY}", "--config.nope.a=1"],
      "no such key: nope ",
    ),
    (
      ["train", "--workdir=w", f"--config={TINY}", "--config.train.steps=many"],
      "train.steps.*many",
    ),
    (
      ["train", "--workdir=w", f"--config={TINY}", "--config.train.steps=1.5"],
      "train.steps.*1.5",
    ),
    (
      [
        *("train", "--workdir=w", f"--config={TINY}"),
        "--config.model.unet_channels=(3, 'x')",
      ],
      "unet_channels",
    ),
    (
      ["train", "--workdir=w", "--config=configs/paper.py:text"],
      "paper.py:text: give one of examples, negatives, class",
    ),
  ],
)
def test_what_makes_no_command_is_told_in_one_line(words, said):
  with pytest.raises(InputError, match=said) as caught:
    arguments.parse(words)
  assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
  ("text", "said"),
  [
    ("def get_config(:\n  pass\n", "invalid syntax"),
    ("x = 1\n", r"defines no get_config\(\)"),
    ("def get_config():\n  return nothing\n", "nothing"),
    ("import nowhere_at_all\n", "nowhere_at_all"),
    ("def get_config():\n  return 3\n", "returns a int"),
    (
      "from fewshot_mss import default_config\n"
      "def get_config():\n"
      "  config = default_config.get_config()\n"
      "  config.train.stepz = 3\n"
      "  return config\n",
      r"has the key that does not exist train\.stepz",
    ),
    (
      "from fewshot_mss import default_config\n"
      "def get_config():\n"
      "  config = default_config.get_config()\n"
      "  with config.ignore_type():\n"
      "    config.eval.batch = 'many'\n"
      "  return config\n",
      r"eval\.batch is 'many': give something like 8",
    ),
    (
      "from fewshot_mss import default_config\n"
      "def get_config():\n"
      "  config = default_config.get_config()\n"
      "  config.train.steps = 'many'\n"
      "  return config\n",
      "steps",
    ),
    (
      "from ml_collections import ConfigDict\n"
      "def get_config():\n"
      "  return ConfigDict({'seed': 0})\n",
      r"lacks ablation\.axes\.example_s",
    ),
  ],
)
def test_a_file_that_is_no_configuration_is_named(tmp_path, text, said):
  path = write(tmp_path, text)
  with pytest.raises(InputError, match=said) as caught:
    arguments.parse(["describe", f"--config={path}"])
  assert str(path) in str(caught.value)
  assert "\n" not in str(caught.value)


def test_a_file_of_ones_own_is_as_good_as_ours(tmp_path):
  path = write(
    tmp_path,
    "from fewshot_mss import default_config\n"
    "def get_config(steps='5'):\n"
    "  config = default_config.get_config()\n"
    "  config.train.steps = int(steps)\n"
    "  return config\n",
  )
  wanted = get_config()
  for argument, steps in (("", 5), (":12", 12)):
    parsed = arguments.parse(["describe", f"--config={path}{argument}"])
    wanted.train.steps = steps
    assert parsed.config.to_dict() == wanted.to_dict()
