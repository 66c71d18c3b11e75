"""The page: what is on it, and what its button calls."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from fewshot_mss.errors import InputError
from fewshot_mss.inference.separator import Separator
from fewshot_mss.web import parts
from fewshot_mss.web.limits import Limits
from fewshot_mss.web.visitors import Visitors
from fewshot_mss.web.work import Wish, separate_for


def build_page(
  separator: Separator,
  visitors: Visitors,
  limits: Limits,
  at_once: int,
  queue: int,
) -> gr.Blocks:
  """Builds the page.

  Args:
    separator: The model.
    visitors: Who is there.
    limits: What is too much to hand in.
    at_once: How many separations run at a time.
    queue: How many more may wait.

  Returns:
    The page, for `mount_gradio_app`.
  """
  conditioning = separator.listener.conditioning
  with gr.Blocks(title=parts.TITLE, analytics_enabled=False) as page:
    _html(parts.heading_html(separator), elem_classes="heading")
    tab = gr.Textbox(visible=False)
    _html(
      parts.song_html(conditioning, limits),
      js_on_load="fewshotMss.song(element)",
      elem_classes="card",
    )
    asked = _ask_inputs(conditioning, separator.archive.instruments)
    gate = gr.Checkbox(
      label="Mute the target where it does not seem to play", container=False
    )
    button = gr.Button("Separate", variant="primary", elem_classes="go")
    results = _html(elem_classes="results-box", min_height=110)

    def enter(request: gr.Request) -> str:
      return visitors.enter(_visitor(request), str(request.session_hash))

    def leave(request: gr.Request) -> None:
      visitors.leave(_visitor(request), str(request.session_hash))

    def separate(
      request: gr.Request,
      name: str,
      gated: bool,
      *answers: str,
      progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> str:
      def report(done: int, total: int) -> None:
        progress((done, total), unit="patches")

      try:
        mine = visitors.tab(_visitor(request), name)
        wish = _wish(conditioning, answers)._replace(gate=bool(gated))
        return separate_for(separator, visitors, mine, wish, report)
      except InputError as error:
        return parts.message_html(str(error))

    # Past the queue: who comes in does not wait for what others separate.
    page.load(enter, None, tab, queue=False, show_progress="hidden").then(
      None, tab, js="name => { fewshotMss.enter(name); }"
    )
    page.unload(leave)
    button.click(
      separate, [tab, gate, *asked], results, concurrency_limit=at_once
    )
  page.queue(max_size=queue, api_open=False)
  return page


def _html(value: str = "", **words: Any) -> gr.HTML:
  return gr.HTML(value, apply_default_css=False, **words)


def _visitor(request: gr.Request) -> str:
  return str(request.request.scope["visitor"])


def _ask_inputs(
  conditioning: str, instruments: Sequence[str]
) -> list[gr.Component]:
  """Adds what the model is asked by; returns the inputs of the button."""
  if conditioning == "class":
    return [gr.Dropdown(list(instruments), label="Instrument")]
  kinds = ["positive"]
  if conditioning == "examples_and_negatives":
    kinds.append("negative")
  inputs: list[gr.Component] = []
  with gr.Row(equal_height=False):
    for kind in kinds:
      with gr.Column(elem_classes=["card", kind]):
        _html(parts.kind_html(kind))
        inputs.append(
          gr.Textbox(
            label="Parts of the song",
            info="Drag over the song above, or write: 1:02-1:09, one a line",
            placeholder="0:12-0:19",
            lines=3,
            elem_classes=f"ranges-{kind}",
          )
        )
        _html(parts.clips_html(kind), js_on_load="fewshotMss.clips(element)")
  return inputs


def _wish(conditioning: str, answers: Sequence[str]) -> Wish:
  if conditioning == "class":
    return Wish(instrument=str(answers[0]))
  return Wish(*(str(answer or "") for answer in answers))
