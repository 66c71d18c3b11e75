"""Whom a model trained on a dataset owes a word, and on what terms.

Terms as the datasets' pages stated them when this was written: a pointer for
who publishes a model, not advice.
"""

# By the beginning of a place's name, see `TrackSet.sources`.
_CREDITS = {
  "Slakh2100": (
    "E. Manilow, G. Wichern, P. Seetharaman, J. Le Roux: Cutting Music Source "
    "Separation Some Slakh, WASPAA 2019. CC BY 4.0"
  ),
  "BabySlakh": (
    "E. Manilow, G. Wichern, P. Seetharaman, J. Le Roux: Cutting Music Source "
    "Separation Some Slakh, WASPAA 2019. CC BY 4.0"
  ),
  "MUSDB18": (
    "Z. Rafii, A. Liutkus, F.-R. Stöter, S. I. Mimilakis, R. Bittner: the "
    "MUSDB18 corpus for music separation, 2017. For academic purposes; each "
    "song has a licence of its own, many non-commercial"
  ),
  "MedleyDB": (
    "R. Bittner, J. Salamon, M. Tierney, M. Mauch, C. Cannam, J. P. Bello: "
    "MedleyDB, ISMIR 2014. CC BY-NC-SA 4.0, non-commercial"
  ),
  "MoisesDB": (
    "I. Pereira, F. Araújo, F. Korzeniowski, R. Vogl: MoisesDB, ISMIR 2023. "
    "CC BY-NC-SA 4.0, non-commercial"
  ),
  "Medley-solos-DB": (
    "V. Lostanlen, C.-E. Cella: Deep Convolutional Networks on the Pitch "
    "Spiral for Musical Instrument Recognition, ISMIR 2016. CC BY 4.0"
  ),
  "TimGM6mb.sf2": "SoundFont by T. Brechbill. GPL-2",
  "sf_GMbank.sf2": "GM GS bank of csound-soundfont. Public domain",
  "FluidR3_GM.sf2": "SoundFont by Frank Wen. MIT",
  "notes of tonejs": (
    "tonejs-instruments by N. P. Brosowsky, from Versilian Studios VSCO 2 "
    "Community Edition, Karoryfer Samples, the University of Iowa, "
    "flcellogrl, quartertone and donyaquick of Freesound. CC BY 3.0"
  ),
  "MIDI files of freedoom": (
    "notes of the music of the Freedoom project, by its contributors. "
    "BSD-3-Clause"
  ),
  "MIDI files of openscore_quartets": (
    "notes of the OpenScore String Quartet Corpus. CC0, credit asked"
  ),
  "mixing_coefficients": "gains of MedleyDB's stems, from its package. MIT",
  "procedural songs": "notes made up by fewshot-mss. Nobody to credit",
  "toy songs, procedural": "sounds made up by fewshot-mss. Nobody to credit",
}
_UNKNOWN = "not known to fewshot-mss: add whom to credit, and the licence"


def credit(place: str) -> str:
  """Returns whom to credit for some audio.

  Args:
    place: Where it comes from: one of `Sources.provenance`.

  Returns:
    Authors, work and terms, or that they are not known.
  """
  for name, words in _CREDITS.items():
    if place.startswith(name):
      return words
  return _UNKNOWN
