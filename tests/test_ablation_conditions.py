"""Condition vectors, kept and projected."""

import numpy as np
import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.ablation.conditions import (
  Conditions,
  principal_components,
  read_conditions,
  write_conditions,
)


def made_up(count=3):
  vectors = np.arange(4 * count, dtype=np.float32).reshape(count, 4)
  names = tuple(f"instrument é {i}" for i in range(count))
  return Conditions(vectors, names, ("reed",) * count, ("seen",) * count)


def test_what_is_written_is_read(tmp_path):
  path = tmp_path / "conditions.safetensors"
  write_conditions(path, made_up(2))
  write_conditions(path, made_up())
  found = read_conditions(path)
  np.testing.assert_array_equal(found.vectors, made_up().vectors)
  assert found[1:] == made_up()[1:]
  assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("content", [None, b"", b"no safetensors at all"])
def test_what_cannot_be_read_is_named(tmp_path, content):
  path = tmp_path / "conditions.safetensors"
  if content is not None:
    path.write_bytes(content)
  with pytest.raises(InputError, match=r"conditions.safetensors cannot be"):
    read_conditions(path)


def test_labels_must_fit_the_vectors(tmp_path):
  path = tmp_path / "conditions.safetensors"
  write_conditions(path, made_up()._replace(families=("reed",)))
  with pytest.raises(InputError, match="label for each vector"):
    read_conditions(path)


def test_directions_by_hand():
  # Twice as far along (3, 4) / 5 as across it.
  along, across = np.array([0.6, 0.8, 0.0]), np.array([0.8, -0.6, 0.0])
  vectors = np.array([2 * along, -2 * along, across, -across]) + 7.0
  places, shares = principal_components(vectors)
  np.testing.assert_allclose(
    places, [[2, 0], [-2, 0], [0, 1], [0, -1]], atol=1e-12
  )
  np.testing.assert_allclose(shares, [0.8, 0.2])


def test_what_does_not_differ_lies_in_the_middle():
  places, shares = principal_components(np.ones((3, 4)))
  assert not places.any() and not shares.any()
  # One vector, and vectors of one number.
  assert principal_components(np.ones((1, 4)))[0].tolist() == [[0, 0]]
  places, shares = principal_components(np.array([[1.0], [3.0]]))
  assert places.tolist() == [[-1, 0], [1, 0]]
  assert shares.tolist() == [1, 0]
