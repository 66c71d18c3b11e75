"""The whole network: examples and a mixture in, the target out."""

from collections.abc import Sequence
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name
from jaxtyping import Array, Float

from fewshot_mss.episode import EpisodeBatch, Support
from fewshot_mss.errors import InputError
from fewshot_mss.models import spectral
from fewshot_mss.models.conditioning import (
  CONDITIONINGS,
  AverageExamples,
  ClassTable,
  ExamplesAndNegatives,
)
from fewshot_mss.models.encoder import SupportEncoder
from fewshot_mss.models.spectral import Spectrum
from fewshot_mss.models.unet import KEPT, UNet, pad_frames

COMPUTE_DTYPES = ("float32", "bfloat16")


class Encoded(NamedTuple):
  """What is computed once a mixture.

  Attributes:
    spectrum: Of the mixtures.
    features: Of every block of the U-Net's encoder.
  """

  spectrum: Spectrum
  features: list[Float[Array, "B _ _ _"]]


class FewShotSeparator(nn.Module):
  """U-Net, support encoder and conditioning as one pure function.

  Attributes are the leaves of `config.model`; see default_config.py. Those with
  a default came later: archives that lack them were made with it.
  """

  sample_rate_hz: int
  n_fft: int
  hop_samples: int
  stft_form: str
  unet_channels: Sequence[int]
  unet_kernel: int
  encoder_channels: Sequence[int]
  condition_dim: int
  film_site: str
  conditioning: str
  num_classes: int
  compute_dtype: str = "float32"
  unet_fold: Sequence[int] = (1, 1)
  encoder_fold: Sequence[int] = (1, 1)

  def setup(self) -> None:
    """Builds the parts that the conditioning needs, and no others."""
    if self.conditioning not in CONDITIONINGS:
      raise InputError(
        f"model.conditioning {self.conditioning!r} is none of {CONDITIONINGS}"
      )
    if self.compute_dtype not in COMPUTE_DTYPES:
      raise InputError(
        f"model.compute_dtype {self.compute_dtype!r} is none of "
        f"{COMPUTE_DTYPES}"
      )
    self._check_sizes()
    dtype = jnp.dtype(self.compute_dtype)
    self.unet = UNet(
      self.unet_channels,
      self.unet_kernel,
      self.film_site,
      dtype,
      self.unet_fold,
    )
    if self.conditioning == "class":
      self.conditioner = ClassTable(self.num_classes, self.condition_dim)
      return
    self.encoder = SupportEncoder(
      self.encoder_channels, self.condition_dim, dtype, self.encoder_fold
    )
    if self.conditioning == "examples":
      self.conditioner = AverageExamples(self.condition_dim)
    else:
      self.conditioner = ExamplesAndNegatives(self.condition_dim)

  def _check_sizes(self) -> None:
    """Refuses sizes that no layer can have."""
    for name in (
      "n_fft",
      "hop_samples",
      "unet_channels",
      "unet_kernel",
      "encoder_channels",
      "condition_dim",
      "unet_fold",
      "encoder_fold",
    ):
      value = getattr(self, name)
      sizes = value if isinstance(value, Sequence) else (value,)
      if not sizes or not all(type(n) is int and n > 0 for n in sizes):
        raise InputError(f"model.{name} is {value}: give sizes above 0")
    bins = self.n_fft // 2
    for name in ("unet_fold", "encoder_fold"):
      value = getattr(self, name)
      if len(value) != 2 or bins % value[1]:
        raise InputError(
          f"model.{name} is {value}: give frames and bins, bins that divide "
          f"model.n_fft / 2 = {bins}"
        )
    bins //= self.unet_fold[1]
    if bins % 2 ** len(self.unet_channels):
      folded = "" if self.unet_fold[1] == 1 else " / model.unet_fold[1]"
      raise InputError(
        f"model.n_fft / 2{folded} = {bins} bins cannot be halved "
        f"{len(self.unet_channels)} times: change n_fft or unet_channels"
      )

  @property
  def frames_multiple(self) -> int:
    """What the U-Net's number of frames is a multiple of."""
    return self.unet_fold[0] * 2 ** len(self.unet_channels)

  def __call__(self, batch: EpisodeBatch) -> Float[Array, "B Q T"]:
    """Returns what each query of each mixture asks for."""
    return self.separate(batch.mixture, self.condition(batch.support))

  def condition(self, support: Support) -> Float[Array, "B Q D"]:
    """Returns the vector that steers the separation, one a query."""
    return self.combine(self.embed_support(support))

  def embed_support(self, support: Support) -> Support:
    """Returns the support with an embedding in place of each clip.

    Each example is embedded on its own, so embeddings can be kept and combined
    in many ways: that is all that differs between numbers of shots.
    """
    if self.conditioning == "class":
      return support
    embedded = support._replace(positives=self.embed(support.positives))
    if self.conditioning == "examples":
      return embedded
    return embedded._replace(negatives=self.embed(support.negatives))

  def combine(self, embedded: Support) -> Float[Array, "B Q D"]:
    """Returns the condition of each query from what `embed_support` gave."""
    if self.conditioning == "class":
      return self.conditioner(embedded.class_id)
    if self.conditioning == "examples":
      return self.conditioner(embedded.positives, embedded.positive_mask)
    return self.conditioner(
      embedded.positives,
      embedded.positive_mask,
      embedded.negatives,
      embedded.negative_mask,
    )

  def separate(
    self,
    mixture: Float[Array, "B T"],
    condition: Float[Array, "B Q D"],
  ) -> Float[Array, "B Q T"]:
    """Returns the targets: a mask on the mixture's spectrum, inverted."""
    encoded = self.encode(mixture)
    return self.decode(encoded, condition, mixture.shape[-1])

  def encode(self, mixture: Float[Array, "B T"]) -> Encoded:
    """Returns what does not depend on the query, to be decoded many times."""
    spectrum = checkpoint_name(
      spectral.stft(mixture, self.n_fft, self.hop_samples, self.stft_form),
      KEPT,
    )
    return Encoded(spectrum, self._features(spectral.magnitude(spectrum)))

  def decode(
    self,
    encoded: Encoded,
    condition: Float[Array, "B Q D"],
    samples: int,
  ) -> Float[Array, "B Q T"]:
    """Returns the targets of mixtures of so many samples."""
    frames = encoded.spectrum.real.shape[-2]
    masks = self._masks(encoded.features, condition, frames)
    masked = Spectrum(*(part[:, None] * masks for part in encoded.spectrum))
    sizes = (self.n_fft, self.hop_samples)
    targets = spectral.istft(masked, *sizes, samples, self.stft_form)
    return checkpoint_name(targets, KEPT)

  def embed(
    self, examples: Float[Array, "*batch S"]
  ) -> Float[Array, "*batch D"]:
    """Returns the embedding of each example, each on its own."""
    *batch, samples = examples.shape
    if 0 in batch:
      return jnp.zeros((*batch, self.condition_dim))
    magnitudes = spectral.magnitudes_below_nyquist(
      examples.reshape(-1, samples),
      self.n_fft,
      self.hop_samples,
      self.stft_form,
    )
    embedded = self.encoder(magnitudes)
    return embedded.reshape(*batch, self.condition_dim)

  def mask(
    self,
    magnitude: Float[Array, "B frames bins"],
    condition: Float[Array, "B Q D"],
  ) -> Float[Array, "B Q frames bins"]:
    """Returns a mask in (0, 1) for each query, of the magnitude's shape."""
    features = self._features(magnitude)
    return self._masks(features, condition, magnitude.shape[1])

  def _features(
    self, magnitude: Float[Array, "B frames bins"]
  ) -> list[Float[Array, "B _ _ _"]]:
    # The U-Net halves the frames too: fill up with silence, cut off again.
    padded = pad_frames(magnitude[..., :-1], self.frames_multiple)
    return self.unet.encode(padded)

  def _masks(
    self,
    features: list[Float[Array, "B _ _ _"]],
    condition: Float[Array, "B Q D"],
    frames: int,
  ) -> Float[Array, "B Q frames bins"]:
    masks = self.unet.decode(features, condition)
    # The Nyquist bin takes its neighbour's mask.
    return jnp.pad(
      masks[:, :, :frames], [(0, 0), (0, 0), (0, 0), (0, 1)], mode="edge"
    )
