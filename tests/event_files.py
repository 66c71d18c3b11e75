"""What a run wrote for TensorBoard, read back."""

import struct

from tensorboardX.proto.event_pb2 import Event


def all_events(workdir):
  """Reads the event files of a run; records are framed."""
  for path in sorted((workdir / "tensorboard").iterdir()):
    data = path.read_bytes()
    while data:
      (length,) = struct.unpack("<Q", data[:8])
      yield Event.FromString(data[12 : 12 + length])
      data = data[16 + length :]


def values(workdir):
  """All (step, value) of a run."""
  return [
    (event.step, value)
    for event in all_events(workdir)
    for value in event.summary.value
  ]


def tags(workdir):
  return [value.tag for _, value in values(workdir)]
