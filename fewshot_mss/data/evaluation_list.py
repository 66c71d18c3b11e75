from pathlib import Path

from fewshot_mss.data.catalogue import Catalogue


def write_evaluation_lists(catalogue: Catalogue, directory: Path) -> None:
  pass
