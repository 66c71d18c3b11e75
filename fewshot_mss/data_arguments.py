"""The words of the verbs that deal with datasets."""

import argparse
from pathlib import Path

from fewshot_mss.config_file import CONFIG_HELP

# What `data build` and `data check` read; the same names as in data/layouts,
# which is not imported for a mere `--help`.
LAYOUTS = (
  "stem_folder",
  "midi",
  "rendered",
  "slakh2100_redux",
  "slakh2100_orig",
  "slakh2100_split2",
  "babyslakh",
  "musdb18_hq",
  "musdb18",
  "medleydb",
  "moisesdb",
  "medley_solos_db",
)
_LOCAL_BEAM = "direct_num_workers=0"


def add_data_verbs(verbs: argparse._SubParsersAction) -> None:
  """Adds `data build`, `data check` and the like to the program's verbs."""
  data = verbs.add_parser("data", help="check, prepare, list or show a dataset")
  data_verbs = data.add_subparsers(required=True, metavar="VERB")

  build = data_verbs.add_parser("build", help="prepare a dataset")
  build.add_argument(
    "root",
    type=Path,
    nargs="?",
    help="folder of songs, ROOT/<song>/<instrument>[_n].wav|flac|mp3|ogg, or "
    "of what --layout names",
  )
  build.add_argument("--layout", choices=LAYOUTS, default="stem_folder")
  build.add_argument(
    "--output", type=Path, required=True, help="folder to make"
  )
  build.add_argument(
    "--sample_rate_hz", type=int, default=8000, help="8000 if not given"
  )
  build.add_argument(
    "--segment_s",
    type=float,
    default=4.0,
    help="seconds of a stored piece, the longest that an episode can ask for; "
    "4 if not given",
  )
  build.add_argument(
    "--seed", type=int, help="of the layouts stem_folder and rendered"
  )
  build.add_argument(
    "--unseen",
    help="instruments kept out of training, for the layout stem_folder: "
    "violin,flute",
  )
  build.add_argument(
    "--with_bleed",
    action="store_true",
    help="take stems of MedleyDB and MoisesDB that hold the sound of others",
  )
  build.add_argument(
    "--skip_bad",
    action="store_true",
    help="leave out and name stems that cannot be read, instead of stopping",
  )
  build.add_argument(
    "--mixed_items",
    action="store_true",
    help="let the lists for scoring also ask about mixtures of different "
    "songs: of two instruments of one family, and of any where songs are solos",
  )
  build.add_argument(
    "--drop_copies",
    action="store_true",
    help="leave examples out of these lists that hold the target's own sound "
    "again, as loops do",
  )
  build.add_argument(
    "--beam_options",
    default=_LOCAL_BEAM,
    help="of Apache Beam, which does the work: direct_num_workers=N for N "
    "processes here (0, the default, is one a core), or "
    "runner=FlinkRunner,flink_master=HOST:8081 and the like",
  )
  sound = build.add_argument_group("layouts midi and rendered")
  sound.add_argument(
    "--soundfont", type=Path, action="append", help="a .sf2 file"
  )
  sound.add_argument(
    "--unheard_soundfont",
    type=Path,
    action="append",
    help="a .sf2 file for testing alone",
  )
  songs = build.add_argument_group("layout rendered")
  songs.add_argument("--num_songs", type=int, help="120 if not given")
  songs.add_argument("--song_s", type=float, help="24 if not given")
  songs.add_argument("--num_unseen", type=int, help="20 if not given")
  songs.add_argument(
    "--midi_folder",
    type=Path,
    action="append",
    help="notes from MIDI files instead of made-up ones, given to instruments "
    "in equal shares (the layout midi plays files as they are); with "
    "--classes=broad, songs for training besides the made-up ones",
  )
  songs.add_argument(
    "--classes",
    choices=["broad"],
    help="each class in many timbres (data/broad_classes.csv) instead of one a "
    "program; SoundFonts and folders may then be named several times. Also of "
    "the layout medley_solos_db",
  )
  songs.add_argument(
    "--notes",
    type=Path,
    action="append",
    help="with --classes=broad: recorded notes, "
    "FOLDER/<instrument>/<pitch>.wav, as cello/As3.mp3",
  )
  songs.add_argument(
    "--solos",
    type=Path,
    help="with --classes=broad: Medley-solos-DB, whose training part is heard, "
    "too",
  )
  build.set_defaults(verb="data build")

  check = data_verbs.add_parser(
    "check",
    help="read a whole dataset and say what is wrong with it",
    description="Reads every file and changes nothing. Exit status 1 if there "
    "are errors: stems that cannot be read, NaN samples, a song in two splits.",
  )
  check.add_argument("root", type=Path, help="what `data build` would read")
  check.add_argument(
    "--layout",
    # The songs of `rendered` are made as they are read.
    choices=[layout for layout in LAYOUTS if layout != "rendered"],
    default="stem_folder",
  )
  check.add_argument(
    "--json", action="store_true", help="print one JSON object instead"
  )
  check.add_argument(
    "--with_bleed",
    action="store_true",
    help="read stems of MedleyDB and MoisesDB that hold the sound of others",
  )
  check.set_defaults(verb="data check")

  listing = data_verbs.add_parser("list", help="say what a dataset holds")
  listing.add_argument(
    "dataset",
    type=Path,
    nargs="?",
    help="a prepared folder; without one, the table of labels is shown",
  )
  listing.set_defaults(verb="data list")

  stats = data_verbs.add_parser(
    "stats", help="draw hours, loudness and activity of the instruments"
  )
  stats.add_argument("dataset", type=Path, help="a prepared folder")
  stats.add_argument("--output", type=Path, default=Path("stats.png"))
  stats.set_defaults(verb="data stats")

  bench = data_verbs.add_parser("bench", help="input speeds as ratios")
  bench.add_argument("dataset", type=Path, help="a prepared folder")
  bench.add_argument("--episodes", type=int, default=4000)
  bench.add_argument(
    "--output", type=Path, help="folder for what the measuring writes"
  )
  bench.set_defaults(verb="data bench")

  show = data_verbs.add_parser(
    "show", help="write an episode as wavs and a picture", epilog=CONFIG_HELP
  )
  show.add_argument(
    "dataset", help="a prepared folder, or several as in data.sources"
  )
  show.add_argument("--index", type=int, default=0)
  show.add_argument("--output", type=Path, required=True)
  show.set_defaults(verb="data show")
