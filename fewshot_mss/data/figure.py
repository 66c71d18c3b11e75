"""Figures that are drawn into files, whatever the display.

matplotlib is an extra and slow to import, so it is imported when needed.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fewshot_mss.errors import InputError

# 8 inches at 100 dots an inch: as wide as a page shows it.
WIDTH_INCHES = 8.0
_DPI = 100
# Of figures for a paper.
PRINT_DPI = 200


def import_figure(
  dpi: int = _DPI,
) -> Callable[[tuple[float, float]], Any]:
  """Returns a maker of figures, which takes width and height in inches.

  Args:
    dpi: Dots an inch of the pictures.

  Raises:
    InputError: If matplotlib is missing.
  """
  try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
  except ImportError as error:
    raise InputError(
      "figures need matplotlib: pip install 'fewshot-mss[plot]'"
    ) from error

  def make(size_inches: tuple[float, float]) -> Any:
    figure = Figure(figsize=size_inches, dpi=dpi, layout="constrained")
    FigureCanvasAgg(figure)
    return figure

  return make


def save_figure(figure: Any, output: Path) -> None:
  """Writes a picture whole or not at all.

  Args:
    figure: Of `import_figure`.
    output: The file; its ending tells the format, PNG if it has none.

  Raises:
    InputError: If it cannot be written.
  """
  temporary = output.with_name(f".{output.name}.tmp")
  try:
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(temporary, format=output.suffix[1:] or "png")
    temporary.replace(output)
  except OSError as error:
    raise InputError(
      f"{output} cannot be written ({error.strerror}): name another file"
    ) from error
