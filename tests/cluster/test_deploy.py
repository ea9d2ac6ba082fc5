"""What stands in `deploy/` fits the versions that are tested and the licences that are stated."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_the_cluster_has_the_version_of_ray_that_is_tested() -> None:
    documents = [*yaml.safe_load_all((ROOT / "deploy/kuberay.yaml").read_text("utf-8"))]
    pins = (ROOT / "constraints.txt").read_text("utf-8")
    assert documents[0]["spec"]["rayVersion"] == re.search(r"^ray==(.+)$", pins, re.M)[1]


def test_only_the_pods_of_the_cluster_reach_each_other() -> None:
    cluster, policy = yaml.safe_load_all((ROOT / "deploy/kuberay.yaml").read_text("utf-8"))
    spec = cluster["spec"]
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    labels = [group["template"]["metadata"]["labels"] for group in groups]
    assert labels == [policy["spec"]["podSelector"]["matchLabels"]] * len(groups)
    assert policy["spec"]["policyTypes"] == ["Ingress"]
    [rule] = policy["spec"]["ingress"]
    assert rule == {"from": [{"podSelector": policy["spec"]["podSelector"]}]}


def test_the_image_names_every_library_in_the_wheel_of_pyav() -> None:
    page = (ROOT / "docs/licences.md").read_text("utf-8")
    notice = (ROOT / "deploy/Dockerfile").read_text("utf-8").partition("FROM ")[0]
    said = " ".join(notice.replace("#", " ").split())
    named = re.findall(r"^\| PyAV \| ([^|]+) \|", page, re.M)
    assert len(named) > 2
    for line in named:
        words = re.sub(r"\(.*\)|the video encoders", "", line)
        for name in re.split(r", | and ", words):
            assert name.strip() in said, name
