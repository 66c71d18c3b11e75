"""The tidy table and its way through a file."""

import json
import math

import pytest

from fewshot_mss.errors import InputError
from fewshot_mss.evaluation.ablation.table import (
  COLUMNS,
  Arm,
  ArmScore,
  from_cells,
  read_table,
  to_cells,
  write_table,
)

ARM = Arm(
  model="examples",
  reading="examples",
  shots=5,
  negatives=0,
  example_s=0.5,
  origin="another song",
  target="one",
  query="right",
  quality="clean",
)
ROW = ArmScore(
  arm=ARM,
  dataset="slakh, small",
  item=3,
  song='a "song", with marks',
  instrument="bass + horn",
  family="bass + brass",
  group="seen, unheard timbre",
  examples=4,
  usdr_db=1.25,
  si_sdr_db=-2.00006,
  si_sdr_improvement_db=3.0,
  snr_db=0.5,
  level_db=-1.0,
  level_over_mixture_db=-7.0,
  collapsed=False,
)
ABSENT = ROW._replace(
  arm=ARM._replace(target="absent"), usdr_db=math.nan, collapsed=True
)


def test_a_table_comes_back_to_four_decimals(tmp_path):
  write_table(tmp_path / "t.csv", [ROW, ABSENT])
  one, absent = read_table(tmp_path / "t.csv")
  assert one == ROW._replace(si_sdr_db=-2.0001)
  assert type(one.collapsed) is bool and type(one.item) is int
  assert math.isnan(absent.usdr_db) and absent.collapsed
  assert absent.arm == ABSENT.arm


def test_the_file_has_one_plain_line_a_row(tmp_path):
  write_table(tmp_path / "t.csv", [ABSENT])
  head, line = (tmp_path / "t.csv").read_text().splitlines()
  assert head == ",".join(COLUMNS)
  assert COLUMNS[:2] == ("model", "reading") and COLUMNS[9] == "dataset"
  assert line == (
    "examples,examples,5,0,0.5,another song,absent,right,clean,"
    '"slakh, small",3,"a ""song"", with marks",bass + horn,bass + brass,'
    '"seen, unheard timbre",4,,-2.0001,3.0,0.5,-1.0,-7.0,True'
  )


def test_rows_go_through_json_to_the_last_bit():
  text = json.dumps(to_cells(ABSENT), allow_nan=False)
  back = from_cells(json.loads(text))
  assert back._replace(usdr_db=0.0) == ABSENT._replace(usdr_db=0.0)
  assert math.isnan(back.usdr_db)


@pytest.mark.parametrize(
  ("text", "reason"),
  [
    (None, "cannot be read"),
    ("a,b\n1,2\n", "no table of an ablation"),
    (",".join(COLUMNS) + "\n1,2\n", "cannot be read"),
    (
      ",".join(COLUMNS) + "\n" + ",".join(["x"] * len(COLUMNS)) + "\n",
      "cannot be read",
    ),
  ],
)
def test_what_is_no_table_is_refused(tmp_path, text, reason):
  path = tmp_path / "t.csv"
  if text is not None:
    path.write_text(text)
  with pytest.raises(InputError, match=reason):
    read_table(path)
