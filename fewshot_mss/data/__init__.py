"""From audio on disk to batches of episodes; the room of TensorFlow."""
