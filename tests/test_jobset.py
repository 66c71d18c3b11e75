"""The JobSet for GKE: what would hurt if it were otherwise, and no cluster."""

import math
from pathlib import Path

import pytest
import yaml

from fewshot_mss import arguments
from fewshot_mss.training import parallel

PATH = Path(__file__).parent.parent / "launch" / "gke_jobset.yaml"
# Of the hosts of multi-host slices: ct5lp-hightpu-4t.
CHIPS_PER_HOST = {"tpu-v5-lite-podslice": 4}


class StrictLoader(yaml.SafeLoader):
  """Refuses keys that are given twice, of which YAML takes the last."""

  def construct_mapping(self, node, deep=False):
    keys = [self.construct_object(key) for key, _ in node.value]
    assert len(keys) == len(set(keys)), keys
    return super().construct_mapping(node, deep)


@pytest.fixture(scope="module")
def jobset():
  return yaml.load(PATH.read_text(encoding="utf-8"), StrictLoader)


@pytest.fixture(scope="module")
def job(jobset):
  (replicated,) = jobset["spec"]["replicatedJobs"]
  assert replicated["replicas"] == 1
  return replicated["template"]["spec"]


@pytest.fixture(scope="module")
def pod(job):
  return job["template"]["spec"]


def test_it_is_a_jobset(jobset):
  assert jobset["apiVersion"] == "jobset.x-k8s.io/v1alpha2"
  assert jobset["kind"] == "JobSet"
  assert set(jobset) == {"apiVersion", "kind", "metadata", "spec"}


def test_every_host_of_the_slice_has_one_pod_with_all_its_chips(job, pod):
  where = pod["nodeSelector"]
  accelerator = where["cloud.google.com/gke-tpu-accelerator"]
  topology = where["cloud.google.com/gke-tpu-topology"]
  chips = math.prod(int(side) for side in topology.split("x"))
  hosts = chips // CHIPS_PER_HOST[accelerator]
  assert hosts > 1
  assert job["completions"] == job["parallelism"] == hosts
  assert job["completionMode"] == "Indexed"
  (container,) = pod["containers"]
  resources = container["resources"]
  assert resources["requests"] == resources["limits"]
  assert resources["limits"] == {"google.com/tpu": CHIPS_PER_HOST[accelerator]}


def test_spot_nodes_are_asked_for_and_borne(pod):
  spot = "cloud.google.com/gke-spot"
  # A label's value is a text, and `true` would be none.
  assert pod["nodeSelector"][spot] == "true"
  (toleration,) = pod["tolerations"]
  assert (toleration["key"], toleration["value"]) == (spot, "true")


def test_restarts_are_of_all_and_not_of_what_cannot_go_on(jobset, job, pod):
  failure = jobset["spec"]["failurePolicy"]
  assert failure["maxRestarts"] >= 10
  (rule,) = failure["rules"]
  # The schema asks for a name.
  assert rule.pop("name")
  assert rule == {
    "action": "FailJobSet",
    "onJobFailureReasons": ["PodFailurePolicy"],
  }
  # The first pod that fails fails the job, and with it the others restart.
  assert job["backoffLimit"] == 0
  # A pod failure policy is refused with any other restart policy.
  assert pod["restartPolicy"] == "Never"
  (rule,) = job["podFailurePolicy"]["rules"]
  assert rule["action"] == "FailJob"
  codes = rule["onExitCodes"]
  assert codes["containerName"] == pod["containers"][0]["name"]
  assert codes["operator"] == "In"
  # Kubernetes wants them in order; 75 and deaths by signals are not of them.
  assert codes["values"] == [1, 2, 130]


def test_there_is_time_to_save(pod):
  assert pod["terminationGracePeriodSeconds"] >= 120


def test_the_command_is_one_and_writes_to_the_bucket(job, pod):
  (container,) = pod["containers"]
  program, *words = container["command"]
  assert program == "fewshot-mss"
  root = PATH.parent.parent
  parsed = arguments.parse(
    [word.replace("configs/", f"{root}/configs/") for word in words]
  )
  assert parsed.verb == "train"
  assert parsed.distributed
  # Else the training refuses the batch, which no restart helps.
  topology = pod["nodeSelector"]["cloud.google.com/gke-tpu-topology"]
  chips = math.prod(int(side) for side in topology.split("x"))
  parallel.check_batch(parsed.config.train.global_batch, "batch", chips)
  (mount,) = container["volumeMounts"]
  folder = Path(mount["mountPath"])
  assert folder in parsed.workdir.parents
  assert folder in Path(parsed.config.data.sources).parents
  (volume,) = pod["volumes"]
  assert volume["name"] == mount["name"]
  assert volume["csi"]["driver"] == "gcsfuse.csi.storage.gke.io"
  options = volume["csi"]["volumeAttributes"]["mountOptions"].split(",")
  assert "implicit-dirs" in options
  assert any(option.startswith("rename-dir-limit=") for option in options)
  # The driver looks at pods that say so, and the text is what it compares.
  annotations = job["template"]["metadata"]["annotations"]
  assert annotations == {"gke-gcsfuse/volumes": "true"}


def test_what_is_to_be_filled_in_is_there_once():
  text = PATH.read_text(encoding="utf-8")
  lines = [line for line in text.splitlines() if not line.startswith("#")]
  for word in ("IMAGE", "BUCKET"):
    assert sum(word in line for line in lines) == 1
