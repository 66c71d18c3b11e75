"""Sizes of the network that make none are named."""

import jax
import pytest

from fewshot_mss.errors import InputError
from tiny_model import make_batch, make_model, to_jax

BATCH = to_jax(make_batch())


@pytest.mark.parametrize(
  ("change", "said"),
  [
    ({"conditioning": "text"}, "conditioning 'text'"),
    ({"unet_channels": (4,) * 5}, "unet_channels"),
    ({"film_site": "top"}, "film_site 'top'"),
    ({"hop_samples": 5}, "hop_samples"),
    ({"stft_form": "fft"}, "stft_form 'fft'"),
    ({"unet_channels": ()}, r"unet_channels is \(\): give"),
    ({"encoder_channels": (4, 0)}, r"encoder_channels is \(4, 0\): give"),
    ({"n_fft": 0}, "n_fft is 0: give"),
  ],
)
def test_sizes_that_do_not_go_together_are_named(change, said):
  with pytest.raises(InputError, match=said):
    jax.eval_shape(make_model(**change).init, jax.random.key(0), BATCH)
