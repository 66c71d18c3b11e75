"""The command line: parse, import the room, call one function.

Exit status: 0 done; 1 a run that could not go on, or would not fit (`plan`), or
some songs that failed while the others were written (`separate`); 2 input that
cannot be used, told in one line; 75 a run that goes on if it is started again,
as it was told to end or another process is gone; 130 interrupted; 129 and 143
of `separate` that SIGHUP or SIGTERM ended.
"""

import argparse
import functools
import json
import os
import sys
from collections.abc import Sequence

from fewshot_mss.arguments import check_ablate_words, parse, require_config
from fewshot_mss.data_verbs import DATA_VERBS
from fewshot_mss.errors import InputError, RestartError, RunError
from fewshot_mss.profile_verbs import PROFILE_VERBS
from fewshot_mss.quiet_libtpu import quiet_libtpu
from fewshot_mss.separate_arguments import separate_request
from fewshot_mss.serve_verbs import SERVE_VERBS
from fewshot_mss.signals import ToldToEnd, signals_unwind
from fewshot_mss.terminal import (
  complain,
  flush_streams,
  keep_standard_streams,
  put,
  say,
  show,
)

_CANNOT_GO_ON = 1
_RESTART = os.EX_TEMPFAIL
_INTERRUPTED = 130
# Of a signal, a shell tells its number above this.
_SIGNALLED = 128
# Packages that an installation without extras lacks, and the extra of each.
_EXTRAS = {
  "PIL": "train",
  "apache_beam": "train",
  "array_record": "train",
  "fastapi": "web",
  "gradio": "web",
  "matplotlib": "web",
  "midirenderer": "render",
  "mido": "render",
  "museval": "eval",
  "onnx": "onnx",
  "pretty_midi": "render",
  "tensorboardX": "train",
  "tensorflow": "train",
  "tensorflow_datasets": "train",
  "uvicorn": "web",
  "yaml": "train",
}


def main(words: Sequence[str] | None = None) -> int:
  """Runs one verb and returns the exit status.

  Args:
    words: Of the command; those of the process if None.

  Returns:
    The exit status.
  """
  try:
    parsed = parse(sys.argv[1:] if words is None else words)
    _VERBS[parsed.verb](parsed)
  except InputError as error:
    complain(str(error))
    return 2
  except ModuleNotFoundError as error:
    if error.name not in _EXTRAS:
      raise
    complain(
      f"{error.name} is not installed: pip install "
      f"'fewshot-mss[{_EXTRAS[error.name]}]', or [train,render,plot] for all"
    )
    return 2
  except RunError as error:
    complain(str(error))
    return _CANNOT_GO_ON
  except RestartError as error:
    complain(str(error))
    return _RESTART
  except ToldToEnd as ended:
    complain(f"told to end ({ended.name}); songs separated so far are whole")
    return ended.status
  except KeyboardInterrupt:
    complain(
      "interrupted; started again, a training, an evaluation, an ablation or a "
      "data build goes on; songs separated so far are whole"
    )
    return _INTERRUPTED
  return 0


def run_program() -> None:
  """Runs the command of this process and ends it with the exit status."""
  keep_standard_streams()
  quiet_libtpu()
  status = main()
  at_once = status in (_CANNOT_GO_ON, _RESTART) or status > _SIGNALLED
  if at_once or (status and _is_joined()):
    # At once: threads of TensorFlow and XLA are at work, and a regular end can
    # crash under them, or wait for a process that is gone. All files are closed
    # by now.
    flush_streams()
    os._exit(status)
  sys.exit(status)


def _is_joined() -> bool:
  """Tells whether this is one of several processes, without importing JAX."""
  jax = sys.modules.get("jax")
  return jax is not None and jax.distributed.is_initialized()


def _train(parsed: argparse.Namespace) -> None:
  from fewshot_mss.training import parallel, watch
  from fewshot_mss.training.train import train_and_evaluate

  config = require_config(parsed)
  _join_hosts(parsed)
  with watch.watched_processes(), parallel.errors_name_their_process():
    train_and_evaluate(config, parsed.workdir)


def _join_hosts(parsed: argparse.Namespace) -> None:
  from fewshot_mss.training import parallel

  hosts = (parsed.coordinator, parsed.num_processes, parsed.process_id)
  if parsed.distributed or hosts != (None, None, None):
    parallel.join_hosts(*hosts)


def _evaluate(parsed: argparse.Namespace) -> None:
  from fewshot_mss.training import parallel, watch
  from fewshot_mss.training.scoring import evaluate_run
  from fewshot_mss.training.song_scoring import (
    SongsRequest,
    evaluate_songs_run,
  )
  from fewshot_mss.training.weights import results_folder

  config = require_config(parsed)
  workdir, checkpoint = parsed.workdir, parsed.checkpoint
  _join_hosts(parsed)
  with watch.watched_processes(), parallel.errors_name_their_process():
    if parsed.songs is None:
      evaluate_run(config, workdir, checkpoint)
      folder = results_folder(workdir, checkpoint)
    else:
      request = SongsRequest(
        parsed.songs,
        parsed.layout or "stem_folder",
        parsed.split,
        parsed.list,
        parsed.museval,
      )
      folder = evaluate_songs_run(config, workdir, request, checkpoint)
  print(f"wrote {folder}")


def _ablate(parsed: argparse.Namespace) -> None:
  check_ablate_words(parsed)
  if parsed.compare is not None:
    from fewshot_mss.evaluation.ablation.runs import compare_folders

    print(f"wrote {compare_folders(*parsed.compare, parsed.output)}")
    return
  from fewshot_mss.training import parallel, watch
  from fewshot_mss.training.ablating import ablate_run
  from fewshot_mss.training.claiming import claim

  config = require_config(parsed)
  ask = claim if config.claims.train else ablate_run
  _join_hosts(parsed)
  with watch.watched_processes(), parallel.errors_name_their_process():
    written = ask(config, parsed.workdir, parsed.output)
  print(f"wrote {written}")


def _describe(parsed: argparse.Namespace) -> None:
  from fewshot_mss.describe import describe

  show(describe(require_config(parsed)))


def _plan(parsed: argparse.Namespace) -> None:
  from fewshot_mss.training.plan_report import show_plan

  show_plan(
    require_config(parsed),
    parsed.topology,
    with_fit=parsed.fit,
    as_json=parsed.json,
  )


def _separate(parsed: argparse.Namespace) -> None:
  from fewshot_mss.inference.command import SILENT, Voice, separate_command

  request = separate_request(parsed)
  voice = Voice(say, show, complain)
  if request.output is None:
    # Standard output is for the sound.
    show_aside = functools.partial(show, on_stderr=True)
    voice = Voice(complain, show_aside, complain)
  elif parsed.json:
    voice = SILENT._replace(warn=complain)
  with signals_unwind():
    report = separate_command(request, voice)
  if parsed.json:
    put(json.dumps(report.as_json(), indent=2) + "\n")
  if report.failed:
    raise RunError(
      f"{len(report.failed)} of {len(report.songs)} songs failed; the lines "
      "above say why"
    )


def _export(parsed: argparse.Namespace) -> None:
  from fewshot_mss.training.export_extras import Extras
  from fewshot_mss.training.exporting import export_run

  for line in export_run(
    parsed.workdir,
    parsed.output,
    form=parsed.form,
    checkpoint=parsed.checkpoint,
    dtype=parsed.dtype,
    extras=Extras(parsed.profiles, parsed.presence),
    push=parsed.push,
  ):
    print(line)


def _demo(parsed: argparse.Namespace) -> None:
  from fewshot_mss.demo import run_demo

  run_demo(require_config(parsed), parsed.output)


def _bench(parsed: argparse.Namespace) -> None:
  from fewshot_mss.bench import run_bench

  run_bench(require_config(parsed), parsed.output)


_VERBS = {
  **DATA_VERBS,
  **PROFILE_VERBS,
  **SERVE_VERBS,
  "train": _train,
  "evaluate": _evaluate,
  "ablate": _ablate,
  "describe": _describe,
  "plan": _plan,
  "separate": _separate,
  "export": _export,
  "demo": _demo,
  "bench": _bench,
}


if __name__ == "__main__":
  run_program()
