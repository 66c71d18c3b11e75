"""The table of labels: complete, consistent, and mended by its own message."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import yaml

from fewshot_mss.data.labels import (
  TABLE_FILE,
  TABLES,
  UNKNOWN_FAMILY,
  Label,
  all_labels,
  fold,
  look_up,
)
from fewshot_mss.data.synth.general_midi import PROGRAMS
from fewshot_mss.errors import InputError

EXAMPLES = Path(__file__).parents[2] / "shared" / "data" / "layout_examples"
HEAD = "table,label,instrument,family\n"
# As the datasets spell them: inst_class of the 129 programs of Slakh, and the
# names of the stems of at least five tracks of MedleyDB.
SLAKH_CLASSES = (
  "Piano|Chromatic Percussion|Organ|Guitar|Bass|Strings|Strings (continued)|"
  "Brass|Reed|Pipe|Synth Lead|Synth Pad|Sound Effects|Sound effects|Ethnic|"
  "Percussive|Drums"
)
MEDLEYDB_NAMES = (
  "drum set|electric bass|clean electric guitar|piano|male singer|"
  "distorted electric guitar|synthesizer|female singer|violin|"
  "fx/processed sound|acoustic guitar|double bass|vocalists|violin section|"
  "auxiliary percussion|flute|cello|drum machine|clarinet|tenor saxophone|"
  "viola|tabla|bassoon|vibraphone|tack piano|electric piano|trumpet section|"
  "trumpet|mandolin|electronic organ|brass section|french horn|"
  "string section|cello section|oboe|cymbal|viola section|timpani|erhu|"
  "yangqin|trombone section|horn section|male rapper|accordion|tambourine|"
  "claps|trombone|harp|dizi|guzheng"
)
MOISESDB_STEMS = (
  "vocals bass drums guitar piano percussion bowed_strings wind other_keys "
  "other_plucked other"
)
NO_INSTRUMENT = {"Main System", "Unlabeled"}


def examples(name):
  path = EXAMPLES / name
  if not path.exists():
    pytest.skip("no shared data")
  return path


def table_of(tmp_path, *lines, head=HEAD):
  path = tmp_path / "instruments.csv"
  path.write_text(head + "".join(f"{line}\n" for line in lines), "utf-8")
  return path


@pytest.mark.parametrize(
  ("table", "raw", "instrument", "family"),
  [
    ("general_midi", "acoustic grand piano", "piano", "piano"),
    ("medleydb", "piano", "piano", "piano"),
    ("moisesdb", "piano/grand piano", "piano", "piano"),
    ("moisesdb", "bowed_strings/violin (solo)", "violin", "strings"),
    ("medleydb", "drum set", "drums", "drums"),
    ("general_midi", "Acoustic Guitar (nylon)", "acoustic guitar", "guitar"),
    ("medleydb", "double bass", "double bass", "strings"),
    ("general_midi", "tenor sax", "tenor saxophone", "reed"),
    ("moisesdb", "drums/hi-hat", "hi-hat", "drums"),
    ("moisesdb", "vocals/lead male singer", "male singer", "voice"),
    ("musdb", "vocals", "vocals", "voice"),
    ("slakh", "Strings (continued)", "ensemble", "ensemble"),
    (
      "moisesdb",
      "bass/contrabass/double bass (bass of instrings)",
      "double bass",
      "strings",
    ),
    ("moisesdb", "other_keys/organ, electric organ", "organ", "organ"),
    (
      "moisesdb",
      "other_plucked/banjo, mandolin, ukulele, harp etc",
      "other plucked",
      "unknown",
    ),
    ("musdb", "other", "other", UNKNOWN_FAMILY),
    # The same word of two stems is not the same.
    (
      "moisesdb",
      "vocals/other (vocoder, beatboxing etc)",
      "other vocals",
      "voice",
    ),
  ],
)
def test_labels_of_one_instrument_are_one_class(table, raw, instrument, family):
  assert look_up(table, raw) == Label(instrument, family)


def test_one_program_by_either_name_is_one_instrument():
  path = examples("slakh_splits/general_midi_inst_0based.json")
  named = json.loads(path.read_text("utf-8"))
  assert len(named) == len(PROGRAMS) + 1
  for program in PROGRAMS:
    assert look_up(
      "general_midi", named[str(program.number)]["name"]
    ) == look_up("general_midi", program.name)
  assert look_up("general_midi", named["128"]["name"]).instrument == "drums"
  classes = {entry["class"] for entry in named.values()}
  assert classes == set(SLAKH_CLASSES.split("|"))


@pytest.mark.parametrize("name", SLAKH_CLASSES.split("|"))
def test_every_slakh_class_is_mapped(name):
  assert look_up("slakh", name).family != UNKNOWN_FAMILY


def test_slakh_classes_are_each_their_own_instrument():
  # Sound Effects and Sound effects are one label in two spellings.
  names = SLAKH_CLASSES.split("|")
  instruments = {look_up("slakh", name).instrument for name in names}
  assert len(instruments) == len(names) - 1


@pytest.mark.parametrize("name", MEDLEYDB_NAMES.split("|"))
def test_common_medleydb_names_are_mapped(name):
  assert look_up("medleydb", name).family != UNKNOWN_FAMILY


def test_every_instrument_of_medleydb_is_mapped():
  root = examples("medleydb")
  distributed = [
    name
    for version in ("v1", "v2")
    for name in (root / f"tracklist_{version}.txt").read_text("utf-8").split()
  ]
  assert len(set(distributed)) == 196
  names = set()
  for track in distributed:
    text = (root / "Metadata" / f"{track}_METADATA.yaml").read_text("utf-8")
    for stem in yaml.load(text, yaml.CSafeLoader)["stems"].values():
      names.add(stem["instrument"])
      names |= {raw["instrument"] for raw in stem["raw"].values()}
  assert len(names) > 80
  taxonomy = yaml.safe_load((root / "taxonomy.yaml").read_text("utf-8"))
  for group in taxonomy.values():
    for leaf in group.values() if isinstance(group, dict) else [group]:
      names |= set(leaf)
  for name in names - NO_INSTRUMENT:
    assert look_up("medleydb", name).family != UNKNOWN_FAMILY
  for name in NO_INSTRUMENT:
    with pytest.raises(InputError, match=name):
      look_up("medleydb", name)


def test_every_class_of_medley_solos_db_is_mapped():
  path = examples("medley_solos_db")
  (metadata,) = path.glob("*metadata.csv")
  with metadata.open(encoding="utf-8") as lines:
    names = {row["instrument"] for row in csv.DictReader(lines)}
  assert len(names) == 8
  for name in names:
    assert look_up("medley_solos_db", name).instrument == name


@pytest.mark.parametrize("stem", MOISESDB_STEMS.split())
def test_moisesdb_stem_is_mapped_alone_and_by_its_types(stem):
  look_up("moisesdb", stem)
  types = [
    row.label
    for row in all_labels()
    if row.table == "moisesdb" and row.label.startswith(f"{fold(stem)}/")
  ]
  assert types
  for label in types:
    # Both spellings of a stem's name.
    assert look_up("moisesdb", label) == look_up(
      "moisesdb", label.replace(fold(stem), stem, 1)
    )


@pytest.mark.parametrize(
  "raw", ["Drum_Set", " drum  set ", "drum-set", "DRUM\tSET", "drum _ set"]
)
def test_spellings_are_folded(raw):
  assert fold(raw) == "drum set"
  assert look_up("medleydb", raw) == look_up("medleydb", "drum set")


def test_table_is_sorted_folded_and_says_nothing_twice():
  with TABLE_FILE.open(encoding="utf-8", newline="") as lines:
    head, *rows = csv.reader(lines)
  assert ",".join(head) == HEAD.strip()
  keys = [(table, label) for table, label, _, _ in rows]
  assert keys == sorted(set(keys))
  assert all(label == fold(label) for _, label in keys)
  assert {table for table, _ in keys} == set(TABLES)
  families = {}
  for _, _, instrument, family in rows:
    assert families.setdefault(instrument, family) == family
  assert [tuple(row) for row in rows] == [tuple(row) for row in all_labels()]


@pytest.mark.parametrize(
  ("table", "raw", "line"),
  [
    # Known in another table, so the same instrument is proposed.
    ("slakh", "Violin", "slakh,violin,violin,strings"),
    ("musdb", "Drum_Set", "musdb,drum set,drums,drums"),
    ("moisesdb", "guitar/Sitar", "moisesdb,guitar/sitar,sitar,ethnic"),
    ("slakh", "Hi-Hat", "slakh,hi hat,hi-hat,drums"),
    ("medleydb", "Hurdy-Gurdy", "medleydb,hurdy gurdy,hurdy gurdy,unknown"),
    ("moisesdb", 'wind/a "b"', 'moisesdb,"wind/a ""b""","a ""b""",unknown'),
    ("moisesdb", "wind/a, b", 'moisesdb,"wind/a, b","a, b",unknown'),
    ("moisesdb", "wind/x/y", "moisesdb,wind/x/y,x/y,unknown"),
    ("medleydb", "lute/oud", "medleydb,lute/oud,lute/oud,unknown"),
    ("moisesdb", "wind/", "moisesdb,wind/,wind/,unknown"),
    ("medleydb", "lute\n(new)", "medleydb,lute (new),lute (new),unknown"),
  ],
)
def test_message_is_the_line_that_mends_the_table(tmp_path, table, raw, line):
  copy = tmp_path / "before.csv"
  shutil.copy(TABLE_FILE, copy)
  with pytest.raises(InputError) as failure:
    look_up(table, raw, path=copy)
  message = str(failure.value)
  assert "\n" not in message
  assert repr(raw) in message
  assert message.endswith(f": {line}")
  assert str(copy) in message
  mended = tmp_path / "after.csv"
  mended.write_text(copy.read_text("utf-8") + line + "\n", "utf-8")
  expected = next(csv.reader([line]))
  assert look_up(table, raw, path=mended) == Label(*expected[2:])
  assert len(all_labels(mended)) == len(all_labels()) + 1


def test_unknown_table_and_empty_label_are_refused():
  with pytest.raises(InputError, match=r"no table 'mus'.*musdb, slakh"):
    look_up("mus", "drums")
  with pytest.raises(InputError, match="empty instrument label of medleydb"):
    look_up("medleydb", " _ ")


@pytest.mark.parametrize(
  ("lines", "message"),
  [
    (["musdb,a,b,c", "musdb,d,e"], "line 3: write four filled cells"),
    (["musdb,a,b,c,d"], "line 2: write four filled cells"),
    (["musdb,a, ,c"], "line 2: write four filled cells"),
    (["mus,a,b,c"], "line 2: no table 'mus'"),
    (["musdb,a b,b,c", "musdb,A_b,d,c"], "line 3: musdb has 'a b' twice"),
    (
      ["musdb,a,b,c", "slakh,a,b,d"],
      "line 3: 'b' is of family 'd' here and 'c' above",
    ),
  ],
)
def test_damaged_table_is_refused(tmp_path, lines, message):
  with pytest.raises(InputError, match=message):
    all_labels(table_of(tmp_path, *lines))


def test_table_without_its_head_is_refused(tmp_path):
  path = table_of(tmp_path, "musdb,a,b,c", head="")
  with pytest.raises(InputError, match="line 1: the head must be table,label"):
    all_labels(path)


def test_missing_table_is_refused(tmp_path):
  with pytest.raises(InputError, match="cannot be read"):
    all_labels(tmp_path / "none.csv")


def test_lines_by_hand_are_tidied(tmp_path):
  path = table_of(tmp_path, "slakh, Old_Name ,Violin,Strings ", "musdb,a,b,c")
  assert look_up("slakh", "old name", path=path) == ("violin", "strings")
  assert [row.table for row in all_labels(path)] == ["musdb", "slakh"]
