"""What stands in deploy/ is judged by the tools of its ecosystem."""

import asyncio
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from router.config import load
from tests.peers import deploytools

DEPLOY = Path(__file__).parents[2] / "deploy"
CHART = DEPLOY / "helm/logweir"
VALUES = """
config:
  version: 1
  log: {kind: kafka, bootstrap: ["kafka:9092"]}
  sources: {syslog: {kind: syslog, tcp: "0.0.0.0:5514"}}
  sinks:
    soc: {kind: elasticsearch, urls: ["http://es:9200"], api_key: "${ES_KEY}"}
    archive: {kind: file, path: /var/lib/logweir/events.ndjson}
existingSecret: logweir-secrets
rules: {noise: {own.yaml: "id: own\\n"}}
ingest: {autoscaling: {enabled: true}}
networkPolicy: {enabled: true, ingressFrom: [{ipBlock: {cidr: 10.0.0.0/8}}], egressTo: [{ipBlock: {cidr: 10.0.0.0/8}}]}
serviceMonitor: {enabled: true}
prometheusRule: {enabled: true}
"""


def command(*words: object, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, check=False, timeout=120, cwd=folder)


def rendered(tmp_path: Path, *options: str, release: str = "r") -> subprocess.CompletedProcess[str]:
    for name in ("CACHE", "CONFIG", "DATA"):
        os.environ[f"HELM_{name}_HOME"] = str(tmp_path / "helm")
    (tmp_path / "values.yaml").write_text(VALUES)
    return command(deploytools.helm(), "template", release, CHART, "-f", tmp_path / "values.yaml", *options)


def objects(tmp_path: Path, *options: str, release: str = "r") -> list[dict[str, Any]]:
    done = rendered(tmp_path, *options, release=release)
    assert done.returncode == 0, done.stderr
    return [o for o in yaml.safe_load_all(done.stdout) if o]


@pytest.mark.peer
@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", deploytools.KUBERNETES)
def test_every_rendered_object_is_valid(tmp_path: Path, version: str) -> None:
    (tmp_path / "all.yaml").write_text(rendered(tmp_path).stdout)
    root = deploytools.schemas()
    done = command(
        *(deploytools.kubeconform(), "-strict", "-summary", "-output", "json", "-kubernetes-version", version),
        *("-schema-location", f"{root}/{{{{.NormalizedKubernetesVersion}}}}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"),
        *("-schema-location", f"{root}/{{{{.ResourceKind}}}}_{{{{.ResourceAPIVersion}}}}.json", tmp_path / "all.yaml"),
    )
    summary = json.loads(done.stdout)["summary"]
    assert summary["valid"] >= 20, done.stdout
    assert summary["invalid"] == summary["errors"] == summary["skipped"] == 0, done.stdout


@pytest.mark.peer
@pytest.mark.parametrize(
    "wrong",
    [
        "ingest.replicas=0",
        "config.log.kind=embedded",
        "ingress.on=true",
        "config.sinks.Bad_Name.kind=file",
        f"config.sinks.{'a' * 64}.kind=file",
        "config.sinks.process.kind=file",
        "ingest.service.ports[0].name=longer-than-fifteen",
        "ingest.service.ports[0].name=metrics",
    ],
)
def test_values_that_are_wrong_are_refused(tmp_path: Path, wrong: str) -> None:
    done = rendered(tmp_path, "--set", wrong)
    assert done.returncode != 0
    assert "don't meet the specifications of the schema" in done.stderr


@pytest.mark.peer
def test_a_scale_that_ends_below_where_it_begins_is_refused_with_the_remedy(tmp_path: Path) -> None:
    done = rendered(tmp_path, "--set", "ingest.autoscaling.minReplicas=5,ingest.autoscaling.maxReplicas=4")
    assert done.returncode != 0
    assert "ingest.autoscaling.maxReplicas is 4 and minReplicas 5; raise the one or lower the other" in done.stderr
    same = rendered(tmp_path, "--set", "ingest.autoscaling.minReplicas=4,ingest.autoscaling.maxReplicas=4")
    assert same.returncode == 0, same.stderr


@pytest.mark.peer
def test_rules_from_a_topic_are_kept_where_a_pod_can_write(tmp_path: Path) -> None:
    options = ("config.rules.topic=soc.rules", "config.rules.topic=soc.rules,config.rules.topic_folder=/tmp/rules")
    folders = [_configuration(tmp_path, "--set", option)["rules"]["topic_folder"] for option in options]
    assert folders == ["/var/lib/logweir/rules-from-topic", "/tmp/rules"]


def _configuration(tmp_path: Path, *options: str) -> Any:
    maps = [o["data"] for o in objects(tmp_path, *options) if o["kind"] == "ConfigMap"]
    return yaml.safe_load(next(data["logweir.yaml"] for data in maps if "logweir.yaml" in data))


@pytest.mark.peer
def test_there_is_a_workload_for_every_role_and_sink_with_a_budget_each(tmp_path: Path) -> None:
    found = objects(tmp_path)
    workloads = {o["metadata"]["name"] for o in found if o["kind"] in ("Deployment", "StatefulSet")}
    budgets = {o["metadata"]["name"] for o in found if o["kind"] == "PodDisruptionBudget"}
    assert workloads == {f"r-logweir-{p}" for p in ("ingest", "process", "correlate", "sink-soc", "sink-archive")}
    assert budgets == workloads


@pytest.mark.peer
def test_the_longest_names_of_sinks_and_releases_stay_within_what_kubernetes_takes(tmp_path: Path) -> None:
    sinks = [f"{'s' * 60}-{n}x" for n in (1, 2)]
    found = objects(tmp_path, *(o for s in sinks for o in ("--set", f"config.sinks.{s}.kind=file")), release="r" * 53)
    labels = [value for o in found for value in (o["metadata"].get("labels") or {}).values()]
    assert max(map(len, labels)) <= 63
    sets = {o["metadata"]["name"]: o["spec"] for o in found if o["kind"] == "StatefulSet"}
    assert len(sets) == 2 + 2 + len(sinks)  # process and correlate, two sinks of the values, these two
    assert max(map(len, sets)) <= 52
    assert {tuple(s["template"]["spec"]["containers"][0]["args"][-2:]) for s in sets.values()} >= {("--sink", s) for s in sinks}
    services = {o["metadata"]["name"]: o["spec"]["selector"] for o in found if o["kind"] == "Service"}
    for name, spec in sets.items():
        pod = spec["template"]["metadata"]["labels"]
        assert services[spec["serviceName"]].items() <= pod.items()
        assert spec["selector"]["matchLabels"].items() <= pod.items()
        assert name == spec["serviceName"]


@pytest.mark.peer
def test_pods_are_unprivileged_bounded_and_probed(tmp_path: Path) -> None:
    for workload in objects(tmp_path):
        if workload["kind"] not in ("Deployment", "StatefulSet"):
            continue
        pod = workload["spec"]["template"]["spec"]
        [container] = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys()


@pytest.mark.peer
def test_the_rendered_configuration_is_accepted_by_the_product(tmp_path: Path) -> None:
    [text] = [o["data"]["logweir.yaml"] for o in objects(tmp_path) if o["kind"] == "ConfigMap" and "logweir.yaml" in o["data"]]
    (tmp_path / "logweir.yaml").write_text(text)
    config = load(tmp_path / "logweir.yaml", {"POD_NAME": "r-logweir-process-0", "ES_KEY": "x"})
    assert config.admin.listen == "0.0.0.0:9600"
    assert set(config.sinks) == {"soc", "archive"}


@pytest.mark.peer
def test_every_alert_fires_and_clears() -> None:
    for arguments in (("check", "rules", "alerts.yaml"), ("test", "rules", "alerts_test.yaml")):
        done = command(deploytools.promtool(), *arguments, folder=DEPLOY / "prometheus")
        assert done.returncode == 0, done.stdout + done.stderr
    tested = set(re.findall(r"alertname: (\w+)", (DEPLOY / "prometheus/alerts_test.yaml").read_text()))
    groups = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())["groups"]
    assert tested == {rule["alert"] for group in groups for rule in group["rules"]}


@pytest.mark.peer
def test_the_dockerfile_is_clean() -> None:
    done = command(deploytools.pip_tools() / "hadolint", DEPLOY / "Dockerfile")
    assert done.returncode == 0, done.stdout


def scraped() -> str:
    """What a running router serves: every metric of the declaration, as /metrics shows it."""
    from aiohttp import ClientSession

    from router.serve import Service, admin

    async def fetch() -> str:
        async with (
            admin("127.0.0.1:0", Service([], 1.0)) as url,
            ClientSession() as session,
            session.get(f"{url}/metrics") as answer,
        ):
            return await answer.text()

    return asyncio.run(fetch())


def metrics_in(expression: str) -> set[str]:
    return set(re.findall(r"logweir_[a-z_]+", expression))


def known_metrics() -> set[str]:
    names = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)", scraped(), re.MULTILINE):
        names |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"} if kind == "histogram" else {name}
    return names


def test_every_metric_of_the_dashboard_is_in_a_live_scrape() -> None:
    dashboard = json.loads((DEPLOY / "grafana/logweir.json").read_text())
    expressions = [t["expr"] for p in dashboard["panels"] for t in p["targets"]]
    expressions += [v["query"]["query"] for v in dashboard["templating"]["list"] if v["type"] == "query"]
    used = set().union(*map(metrics_in, expressions))
    assert len(used) >= 15
    assert used <= known_metrics()


def test_every_metric_of_the_alerts_is_in_a_live_scrape() -> None:
    groups = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())["groups"]
    assert set().union(*(metrics_in(r["expr"]) for g in groups for r in g["rules"])) <= known_metrics()


def test_the_compose_file_mounts_a_configuration_that_is_good() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert compose["services"]["logweir"]["read_only"]
    assert load(DEPLOY / "compose-logweir.yaml", {"HEC_TOKEN": "x"}).log.kind == "kafka"


def test_no_series_beside_a_counter_tells_when_it_began() -> None:
    assert "logweir_build_info" in scraped()
    assert not re.findall(r"^\S+_created[{ ]", scraped(), re.MULTILINE)
