"""Rows of ablations that never were, for the tests of their statistics."""

from fewshot_mss.evaluation.ablation.table import Arm, ArmScore

REFERENCE = Arm(
  model="demo",
  reading="examples",
  shots=5,
  negatives=0,
  example_s=2.0,
  origin="another song",
  target="one",
  query="right",
  quality="clean",
)
NAN = float("nan")


def arm(**changes):
  return REFERENCE._replace(**changes)


def baseline(name, target="one"):
  return Arm(name, "", 0, 0, 0.0, "", target, "", "")


def score(arm, item, improvement_db, **changes):
  """Two items a song, of two instruments of two families in turn."""
  absent = arm.target == "absent"
  values = {
    "arm": arm,
    "dataset": "made up",
    "item": item,
    "song": f"song {item // 2}",
    "instrument": ("bass", "flute")[item % 2],
    "family": ("strings", "pipe")[item % 2],
    "group": "seen",
    "examples": arm.shots,
    "usdr_db": 0.0,
    "si_sdr_db": NAN if absent else improvement_db - 4.0,
    "si_sdr_improvement_db": NAN if absent else improvement_db,
    "snr_db": 0.0,
    "level_db": NAN if absent else 0.0,
    "level_over_mixture_db": improvement_db if absent else -6.0,
    "collapsed": False,
  }
  return ArmScore(**values | changes)


def scores(arm, improvements_db, first_item=0, **changes):
  return [
    score(arm, first_item + i, value, **changes)
    for i, value in enumerate(improvements_db)
  ]


def with_baselines(rows):
  """Adds what needs no network, for every item and kind of target of rows."""
  found = {}
  for row in rows:
    target = row.arm.target
    for name, value in (
      ("mixture", 0.0),
      ("silence", -120.0 if target == "absent" else -46.0),
      ("ideal ratio mask", -120.0 if target == "absent" else 16.0),
    ):
      other = score(
        baseline(name, target),
        row.item,
        value,
        collapsed=name == "silence",
        **{
          field: getattr(row, field)
          for field in ("dataset", "song", "instrument", "family", "group")
        },
      )
      found[name, target, row.dataset, row.item] = other
  return [*rows, *found.values()]
