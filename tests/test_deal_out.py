"""Which host scores which items of a list."""

import pytest

from fewshot_mss.data.evaluation_list import read_evaluation_list
from fewshot_mss.evaluation.items import deal_out


@pytest.mark.parametrize(
  ("hosts", "shares"),
  [
    (1, [["abc", "def", "g"]]),
    (2, [["abc", "g"], ["def"]]),
    (3, [["abc"], ["def"], ["g"]]),
    (5, [["abc"], ["def"], ["g"], [], []]),
  ],
)
def test_batches_are_dealt_out_in_turn(toy_dataset, hosts, shares):
  items = read_evaluation_list(toy_dataset, "test")[:7]
  letter = dict(
    zip((item.spec.index for item in items), "abcdefg", strict=True)
  )
  dealt = [
    [
      "".join(letter[item.spec.index] for item in batch)
      for batch in deal_out(items, 3, host, hosts)
    ]
    for host in range(hosts)
  ]
  assert dealt == shares
