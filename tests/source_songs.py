"""Two small datasets, and which songs episodes can draw from."""

from fewshot_mss.data.catalogue import TRAIN

# Instruments on purpose in another order, and other ones, in each.
BAND = """
train b1 flute 0
train b1 drums 0
train b2 bass 0
train b2 drums 1
validation b3 bass 0
test b4 drums 0
"""
DUO = """
train d1 organ 0
train d1 bass 0
train d2 alto 0
test d3 organ 0
"""


def songs(catalogue, rows):
  return {catalogue.tracks[track] for track in catalogue.track[rows]}


def drawn_from(catalogue, split=TRAIN):
  """Songs that episodes of a split can draw from."""
  rows = catalogue.view.moment_rows
  return songs(catalogue, rows[catalogue.split[rows] == split])
