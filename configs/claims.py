r"""The paper's three claims, put to the test on a desk.

Command:  fewshot-mss ablate --config=configs/claims.py --workdir=runs/claims
            --config.data.sources=data/claims,data/solos=0
          trains three models of one size on the same mixtures and queries in
          the same order, told the class, shown 5 examples, or shown 5 examples
          and 5 of what is not meant (left out in a quarter of the queries),
          into runs/claims/{class,examples,examples_and_negatives}; then it asks
          all three about the same items. Killed at any moment, the same command
          goes on; a model that is finished is not trained again.
Data:     broad classes, each in several timbres of SoundFonts and notes, some
          of them unheard in training, at least 24 classes unseen; real solos
          to be scored alone (weight 0). docs/data.md has the commands.
Writes:   WORKDIR/ablation: claims.md (every difference with its interval, and
          whether it holds), claims.csv and claims.png, beside an ablation.
Hardware: 2 CPU cores, each a device of its own by XLA_FLAGS=
          "--xla_force_host_platform_device_count=2
          --xla_cpu_multi_thread_eigen=false" (a step takes 0.8 of the time).
          Cost: 26, 37 and 40 minutes beside other work, 5 for the asking.
Result:   README.md, "The paper's claims, in small".
"""

from ml_collections import ConfigDict

from fewshot_mss import default_config


def get_config() -> ConfigDict:
  """Returns the configuration."""
  config = default_config.get_config()
  # The network of configs/demo.py, for the same reasons; the examples' encoder
  # hears cells of 2 x 2, as five of them and five negatives would otherwise
  # cost more than the U-Net.
  config.model.update({"hop_samples": 256, "encoder_fold": (2, 2)})
  config.data.update(
    {
      "example_s": 1.0,
      "num_queries": 3,
      "max_positives": 5,
      "max_negatives": 5,
      "drop_negatives_share": 0.25,
    }
  )
  config.train.update(
    {
      # Of 24 queries each.
      "steps": 6500,
      "optimizer": "muon",
      "learning_rate": 2e-3,
      "warmup_steps": 100,
      "ema_decay": 0.999,
      "log_every_steps": 50,
      "checkpoint_every_steps": 250,
      "eval_every_steps": 1300,
    }
  )
  # The table is of `ablation`, below; this tells of each run by itself.
  config.eval.update({"shots": (1, 5), "max_items": 60})
  config.claims.train = "class,examples,examples_and_negatives"
  config.ablation.update(
    {
      "max_items": 200,
      "long_examples_s": (),
      "crossed": ("model,shots", "model,negatives"),
    }
  )
  # What the claims ask; the other questions are those of configs/ablation.py.
  config.ablation.reference.example_s = 1.0
  config.ablation.axes.update(
    {
      "shots": (1, 2, 5, 10),
      "negatives": (0, 5),
      "example_s": (1.0,),
      # Of the same song, examples tell the timbre; of others, the class.
      "origin": ("another song", "same song"),
      "target": ("one", "absent"),
      "query": ("right", "wrong"),
      "quality": ("clean",),
    }
  )
  return config
