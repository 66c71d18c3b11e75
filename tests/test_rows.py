"""Rows of metrics by hand."""

import numpy as np

from fewshot_mss.training import rows as metric_rows


def test_mean_leaves_out_what_is_not_finite_and_keeps_the_count():
  window = [
    {"loss": 1.0, "grad_norm": np.nan, "bad_steps": 0.0},
    {"loss": np.nan, "grad_norm": np.inf, "bad_steps": 1.0},
    {"loss": 4.0, "grad_norm": np.nan, "bad_steps": 2.0},
  ]
  assert metric_rows.mean(window) == {
    "loss": 2.5,
    "grad_norm": None,
    "bad_steps": 2.0,
  }
