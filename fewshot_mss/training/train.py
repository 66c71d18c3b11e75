"""The training loop, read from top to bottom."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
from ml_collections import ConfigDict

from fewshot_mss.data.pipeline import episode_batches
from fewshot_mss.data.sources import Sources, load_sources
from fewshot_mss.episode import EpisodeBatch
from fewshot_mss.errors import RestartError
from fewshot_mss.export.archive import (
  Archive,
  check_replaceable,
  save_archive,
)
from fewshot_mss.models.separator import FewShotSeparator
from fewshot_mss.training import (
  checkpoint,
  parallel,
  recovery,
  scoring,
  shown_episode,
)
from fewshot_mss.training.beginning import (
  begin_with,
  describe_beginning,
  read_beginning,
)
from fewshot_mss.training.class_head import without_head
from fewshot_mss.training.compilation import compiled_programs_in
from fewshot_mss.training.full_disk import told_in_a_line
from fewshot_mss.training.metric_writer import MetricWriter
from fewshot_mss.training.preemption import Notice
from fewshot_mss.training.programs import init_of, step_of
from fewshot_mss.training.rows import MetricRows
from fewshot_mss.training.run_checks import check_run
from fewshot_mss.training.spending import Spending, read_spent_s
from fewshot_mss.training.step import TrainState
from fewshot_mss.training.stopwatch import DISPATCHING, WAITING, Stopwatch
from fewshot_mss.training.trace import StepTrace
from fewshot_mss.training.weights import begun_from, training_summary

# Steps after which the speed is told for the first time: the first ones wait
# for the compiler.
_FIRST_WORD_STEPS = 10


def train_and_evaluate(
  config: ConfigDict,
  workdir: Path,
  on_step: Callable[[int], None] = lambda step: None,
) -> TrainState:
  """Trains a separator, or goes on with the training that a workdir holds.

  The workdir gets `config.json`, `checkpoints/STEP/`, `metrics.jsonl`,
  `tensorboard/`, perhaps `compiled/`, and at the end `model/`, the archive that
  `separate` loads, and `evaluation/` with the scores on the test list, if a
  dataset has one.

  Args:
    config: As of `default_config.get_config`.
    workdir: Folder of the run.
    on_step: Called with each step's number once it is dispatched, for those
      who watch or time a run.

  Returns:
    The state after the last step.

  Raises:
    InputError: If the configuration, the datasets and the devices do not go
      together, or the workdir holds another run. Before any long work.
    RunError: If gradients stop being finite, or the disk is full.
    RestartError: If SIGTERM came; the state is saved.
  """
  # ---- What a person can get wrong, before anything slow.
  sources = load_sources(config.data.sources)
  validates, tests = (
    scoring.has_items(sources, split) for split in ("validation", "test")
  )
  model, beginning = claim_run(config, workdir, sources)
  with _compiled_programs(config, workdir), told_in_a_line(workdir):
    state = _train(
      config, workdir, sources, model, validates, beginning, on_step
    )
    _finish(config, workdir, sources, model, tests, state)
  return state


def claim_run(
  config: ConfigDict, workdir: Path, sources: Sources
) -> tuple[FewShotSeparator, Archive | None]:
  """Checks a run, and that its workdir is free or holds that very run.

  Args:
    config: Of the run.
    workdir: Its folder; made if it is not there.
    sources: The datasets.

  Returns:
    The network, and the weights that the run begins with.

  Raises:
    InputError: As `train_and_evaluate` does.
  """
  model = check_run(config, sources)
  check_replaceable(workdir / "model")
  beginning = read_beginning(config, workdir)
  checkpoint.claim_workdir(
    workdir,
    config,
    sources.content_hash,
    None if beginning is None else describe_beginning(beginning),
  )
  return model, beginning


def _train(
  config: ConfigDict,
  workdir: Path,
  sources: Sources,
  model: FewShotSeparator,
  validates: bool,
  beginning: Archive | None,
  on_step: Callable[[int], None],
) -> TrainState:
  """Takes the steps that are not yet done; returns the last state."""
  # ---- The network, its optimiser, and where an earlier start left them.
  state = parallel.create_state(init_of(config))
  shown = shown_episode.read_shown(config, model, sources)
  steps = config.train.steps
  state, first, window = recovery.restore_newest(workdir, state)
  notes = list(sources.notes)
  if beginning is not None and not first:
    state, taken = begin_with(
      state, beginning, config.model.conditioning, sources.class_names
    )
    notes.insert(0, taken)
  with checkpoint.open_manager(
    workdir, config.train.keep_checkpoints
  ) as manager:
    step_fn = parallel.pmap_step(step_of(config))

    # ---- Step by step. The next one is dispatched before the last one's
    # ---- metrics are fetched, so that devices never wait for this process.
    stopwatch = Stopwatch()
    spending = Spending(read_spent_s(workdir / "checkpoints" / str(first)))
    annotation = jax.profiler.StepTraceAnnotation
    with (
      Notice() as notice,
      MetricWriter(workdir, first_step=first, last_step=steps) as writer,
      StepTrace(workdir, *config.profile_steps) as trace,
      # Nothing goes to or from a device but what says so.
      jax.transfer_guard("disallow"),
    ):
      for line in (
        _introduction(config, state, sources, first),
        *notes,
      ):
        writer.say(line)
      rows = MetricRows(config, writer, stopwatch, window)
      batches = _batches(config, sources, first)
      for step in range(first + 1, steps + 1):
        trace.before(step)
        with stopwatch.part(WAITING):
          episodes = next(batches)
        with stopwatch.part(DISPATCHING), annotation("train", step_num=step):
          state, metrics = step_fn(state, parallel.put_batch(episodes))
        rows.add(step, metrics)
        writer.advance()
        on_step(step)
        trace.after(step, metrics)
        if step - first == _FIRST_WORD_STEPS:
          jax.block_until_ready(metrics)
          writer.say_speed(step, config.train.global_batch)

        is_last = step == steps
        is_eval = step % config.train.eval_every_steps == 0
        is_save = step % config.train.checkpoint_every_steps == 0
        is_due = is_save or is_eval or is_last
        stops = notice.stops_after(step)
        if not (is_due or stops):
          continue
        if is_due:
          rows.flush()
        score = None
        with jax.transfer_guard("allow"):
          if is_eval:
            shown_episode.write_shown(
              shown, config, model, state.ema_params, writer, step
            )
          if is_eval and validates:
            score = scoring.validation_score(
              config, model, state.ema_params, sources
            )
            if score is not None:
              writer.write(step, {checkpoint.SCORE: score})
          checkpoint.save(
            manager, state, step, score, rows.take(), spending.so_far_s()
          )
        if stops:
          raise RestartError(
            f"told to end (SIGTERM) and saved after step {step} of {steps}: "
            "start the same command again to go on"
          )
      writer.say(stopwatch.summary())

  return state


def _finish(
  config: ConfigDict,
  workdir: Path,
  sources: Sources,
  model: FewShotSeparator,
  tests: bool,
  state: TrainState,
) -> None:
  """Writes what the run was for: weights to separate with, their scores."""
  if jax.process_index() == 0:
    save_archive(
      workdir / "model",
      without_head(jax.device_get(state.ema_params)),
      model=config.model.to_dict(),
      instruments=sources.class_names,
      training=training_summary(config, sources.provenance)
      | begun_from(workdir),
    )
  if tests:
    params = state.ema_params
    scoring.evaluate_trained(config, workdir, model, params, sources)
  # A process that ends takes the others with it.
  parallel.wait_for_all("the end of the run")


def _batches(
  config: ConfigDict, sources: Sources, first: int
) -> Iterator[EpisodeBatch]:
  if first >= config.train.steps:
    return iter(())
  return episode_batches(
    config,
    sources,
    start_step=first,
    stop_step=config.train.steps,
    shard_index=jax.process_index(),
    shard_count=jax.process_count(),
  )


def _compiled_programs(
  config: ConfigDict, workdir: Path
) -> contextlib.AbstractContextManager[None]:
  if config.train.compilation_cache:
    return compiled_programs_in(workdir / "compiled")
  return contextlib.nullcontext()


def _introduction(
  config: ConfigDict, state: TrainState, sources: Sources, first: int
) -> str:
  """Says in one line what this run is."""
  parameters = sum(leaf.size for leaf in jax.tree.leaves(state.params))
  devices = jax.devices()
  begin = f"goes on after step {first}" if first else "begins"
  return (
    f"training {begin}: {len(devices)} {devices[0].device_kind} device(s), "
    f"{jax.process_count()} process(es), {parameters:,} parameters "
    f"(conditioning {config.model.conditioning}), "
    f"{config.train.global_batch} mixtures x {config.data.num_queries} queries "
    f"a step, {len(sources.class_names)} seen instruments, "
    f"{config.train.steps} steps"
  )
