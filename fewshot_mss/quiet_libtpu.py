"""What keeps libtpu from complaining on machines without a TPU."""

import os
from pathlib import Path

# It misses both, on stderr, wherever it is loaded; and JAX loads it wherever
# it is installed. Where there is no TPU, nothing reads them.
NAMES = {
  "TPU_WORKER_HOSTNAMES": "localhost",
  "TPU_ACCELERATOR_TYPE": "v5litepod-4",
}
_GOOGLE = "0x1ae0"


def quiet_libtpu(pci: Path = Path("/sys/bus/pci/devices")) -> None:
  """Sets `NAMES`, before JAX starts, unless this may be a TPU machine.

  Args:
    pci: Where Linux lists devices, each with its vendor.
  """
  vendors = [file.read_text().strip() for file in pci.glob("*/vendor")]
  if _GOOGLE not in vendors:
    for name, value in NAMES.items():
      os.environ.setdefault(name, value)
