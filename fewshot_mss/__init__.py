"""Few-shot musical source separation in JAX/Flax."""

__version__ = "0.1.0"
