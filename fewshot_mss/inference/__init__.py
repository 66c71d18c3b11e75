"""Separating a song with a trained model, without TensorFlow."""
