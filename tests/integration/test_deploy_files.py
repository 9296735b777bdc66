"""Each deployment file through the real program that will read it; and each program seen to find a planted fault."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

from stagepass.deploy import description, roles, tree
from stagepass.pipelines.discover import discover
from tests.support.databases import missing

VALIDATORS = Path(".venv-validators/bin").absolute()

VARIANTS = {
    "shipped": (),
    "mariadb-redis": ("database=mariadb", "broker=redis", "tls=false", "fast_lane=true"),
    "external": ("database=external", "broker=external", "settings.FILES_URL=s3://bucket/files", "extras=cloud"),
    "vendors": (
        "settings.TEXT_MODEL=openai:gpt-5",
        "settings.SONG_MAKER=suno:V5",
        'settings.SCAN_MODELS=fast=openai:a"b%c$d',
        "settings.AUTH_MODE=header",
        "settings.TRUSTED_PROXIES=10.0.0.0/8",
        "identity=http://127.0.0.1:9000/check",
    ),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Every variant, written out."""
    registry = discover((), "")
    found = {}
    for name, given in VARIANTS.items():
        found[name] = tmp_path_factory.mktemp(name)
        made = roles.installation(registry, description.load(None, given))
        tree.write(found[name], tree.contents(made, list(tree.FORMATS)), list(tree.FORMATS))
    return found


@pytest.fixture(params=VARIANTS)
def folder(request: pytest.FixtureRequest, folders: Mapping[str, Path]) -> Path:
    return folders[request.param]


def program(name: str) -> str:
    """A validator, from its own environment or from the system."""
    own = VALIDATORS / name
    found = str(own) if own.exists() else shutil.which(name)
    if found is None:
        missing(f"{name} is not installed (make validators; Debian: nginx-light, systemd)")
        raise AssertionError
    return found


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def planted(path: Path, change: Callable[[str], str]) -> Path:
    """A copy with a fault."""
    copy = path.with_name(f"planted-{path.name}")
    before = path.read_text()
    after = change(before)
    assert after != before
    copy.write_text(after)
    return copy


# ── compose ──


def test_compose_is_what_compose_takes(folder: Path) -> None:
    check = [program("check-jsonschema"), "--builtin-schema", "vendor.compose-spec"]
    file = folder / "compose" / "compose.yaml"
    done = run(*check, str(file))
    assert done.returncode == 0, done.stdout
    fault = planted(file, lambda text: text.replace("stop_grace_period: 10s", "stop_grace_period: [10]", 1))
    assert run(*check, str(fault)).returncode == 1


def test_what_compose_asks_for_is_in_its_example(folder: Path) -> None:
    asked = set(re.findall(r"(?<!\$)\$\{(\w+)", (folder / "compose" / "compose.yaml").read_text()))
    named = set(re.findall(r"^(\w+)=", (folder / "compose" / ".env.example").read_text(), re.MULTILINE))
    assert asked | {"METRICS_KEY"} == named


# ── Kubernetes ──

OWN_MODELS = {
    "ScaledObject": "from cloudcoil.models.keda.v1alpha1 import ScaledObject",
    "ServiceMonitor": "from cloudcoil.models.prometheus_operator.v1 import ServiceMonitor",
    "PrometheusRule": "from cloudcoil.models.prometheus_operator.v1 import PrometheusRule",
}
"""Kinds of operators, which `kubernetes-validate` lets pass whatever they say."""

WITHOUT_A_SCHEMA = {"Kustomization", "Component", "ExternalSecret"}


def test_every_object_of_kubernetes_has_the_shape_of_its_kind(folder: Path) -> None:
    check = program("kubernetes-validate")
    files = [
        path
        for path in sorted((folder / "kubernetes").rglob("*.yaml"))
        if not {one["kind"] for one in yaml.safe_load_all(path.read_text())} & (set(OWN_MODELS) | WITHOUT_A_SCHEMA)
    ]
    done = run(check, "--strict", *map(str, files))
    assert done.returncode == 0, done.stdout + done.stderr
    api = folder / "kubernetes" / "base" / "api.yaml"
    fault = planted(api, lambda text: text.replace("replicas: 2", "replicas: two", 1))
    assert run(check, "--strict", str(fault)).returncode != 0
    fault.unlink()


def test_every_object_of_an_operator_has_the_shape_of_its_kind(folders: Mapping[str, Path]) -> None:
    imports = "\n".join(OWN_MODELS.values())
    code = f"""
import json, sys, yaml
{imports}
def fits(kind, one):
    try:
        globals()[kind].model_validate(one, extra="forbid")
    except ValueError as error:
        return str(error)
for kind, one in json.load(sys.stdin):
    print(json.dumps(fits(kind, one)))
"""
    every = [
        one
        for folder in folders.values()
        for path in sorted((folder / "kubernetes" / "components").rglob("*.yaml"))
        for one in yaml.safe_load_all(path.read_text())
        if one["kind"] in OWN_MODELS
    ]
    assert {"ScaledObject", "ServiceMonitor"} <= {one["kind"] for one in every}
    faults = [one | {"spec": {"minReplicaCount": "many"}} for one in every]
    asked = json.dumps([(one["kind"], one) for one in every + faults])
    done = subprocess.run([program("python"), "-c", code], input=asked, text=True, capture_output=True, check=True)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert said[: len(every)] == [None] * len(every)
    assert None not in said[len(every) :]


def test_kustomize_finds_every_file_that_it_names(folder: Path) -> None:
    for path in sorted((folder / "kubernetes").rglob("kustomization.yaml")):
        content = yaml.safe_load(path.read_text())
        for name in [*content["resources"], *content.get("components", [])]:
            target = (path.parent / name).resolve()
            assert target.is_file() or (target / "kustomization.yaml").is_file(), f"{path}: {name}"
        if path.parent.name != "base":
            continue
        there = {other.name for other in path.parent.glob("*.yaml")} - {"kustomization.yaml"}
        assert there == set(content["resources"]), "a file that kustomize does not read is a file that is not applied"


# ── nginx ──


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=stagepass.example.com",
        "-keyout",
    ]
    subprocess.run([*made, str(folder / "tls.key"), "-out", str(folder / "tls.crt")], check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("name", ["compose/nginx.conf", "nginx/stagepass.conf"])
def test_nginx_takes_its_configuration(folder: Path, certificate: Path, name: str) -> None:
    nginx = program("nginx")
    alone = name.startswith("compose")

    def whole(text: str) -> str:
        here = text.replace("/etc/nginx/tls", str(certificate)).replace("/var/log/nginx", str(folder))
        if alone:
            return here.replace("/tmp/nginx", str(folder / "nginx"))
        return f"pid {folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n{here}\n}}\n"

    def taken(text: str) -> bool:
        conf = folder / "try.conf"
        conf.write_text(whole(text))
        return run(nginx, "-t", "-c", str(conf)).returncode == 0

    text = (folder / name).read_text()
    assert taken(text), run(nginx, "-t", "-c", str(folder / "try.conf")).stderr
    assert not taken(text.replace("proxy_buffering off;", "proxy_bufering off;", 1))


@pytest.mark.parametrize("name", ["compose/nginx.conf", "nginx/stagepass.conf"])
def test_gixy_finds_nothing_to_complain_of(folder: Path, name: str) -> None:
    check = program("gixy")
    done = run(check, str(folder / name))
    assert done.returncode == 0, done.stdout
    fault = planted(folder / name, lambda text: text.replace("Host $host;", "Host $http_host;", 1))
    assert run(check, str(fault)).returncode != 0
    fault.unlink()


def test_an_identity_from_outside_does_not_get_through(folder: Path) -> None:
    for name in ("compose/nginx.conf", "nginx/stagepass.conf"):
        text = (folder / name).read_text()
        given = re.findall(r"proxy_set_header X-User-ID (\S+);", text)
        assert given
        assert set(given) <= {'""', "$identity"}
        inside = re.findall(r"location [^{]*\{[^}]*\}", text)
        lost = [one for one in inside if "proxy_set_header" in one and "internal" not in one]
        assert lost == [], "a header of its own in a location drops those of the server"


# ── a machine without containers ──


def test_systemd_takes_the_units(folder: Path, tmp_path: Path) -> None:
    check = program("systemd-analyze")
    here = str(tmp_path / "bin")
    Path(here).mkdir()
    (tmp_path / "bin" / "stagepass").write_text("#!/bin/sh\n")
    (tmp_path / "bin" / "stagepass").chmod(0o755)

    def complaints(change: Callable[[str], str]) -> str:
        units = []
        for path in sorted((folder / "systemd").glob("stagepass*")):
            copy = tmp_path / path.name
            copy.write_text(change(path.read_text().replace("/opt/stagepass", str(tmp_path))))
            units.append(str(copy))
        done = run(check, "verify", "--man=no", *units)
        return done.stdout + done.stderr

    assert complaints(lambda text: text) == ""
    assert "ProtectSytem" in complaints(lambda text: text.replace("ProtectSystem", "ProtectSytem"))


def test_supervisor_reads_its_file_and_gives_each_program_its_own(folder: Path) -> None:
    python = program("python")
    code = (
        "import json, sys\nfrom supervisor.options import ServerOptions\n"
        "options = ServerOptions()\noptions.realize(['-c', sys.argv[1]])\n"
        "print(json.dumps({p.name: [p.stopwaitsecs, p.environment]"
        " for g in options.process_group_configs for p in g.process_configs}))"
    )
    conf = folder / "supervisor" / "supervisord.conf"
    text = re.sub(r"^(user|directory)=.*\n", "", conf.read_text(), flags=re.MULTILINE)
    here = folder / "here.conf"
    here.write_text(text.replace("/run/stagepass", str(folder)))
    names = re.findall(r"^(\w+)=$", (folder / "supervisor" / "supervisord.env.example").read_text(), re.MULTILINE)
    environment = {name: f"value of {name}" for name in names}
    done = subprocess.run([python, "-c", code, str(here)], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    programs = yaml.safe_load(done.stdout)
    assert programs["relay"][1]["SECRET_KEY"] == ""
    assert programs["api"][1]["SECRET_KEY"] == "value of SECRET_KEY"
    fault = folder / "fault.conf"
    fault.write_text(here.read_text().replace("stopsignal=TERM", "stopsignal=GONE", 1))
    broken = subprocess.run(
        [python, "-c", code, str(fault)], capture_output=True, text=True, check=False, env=environment
    )
    assert broken.returncode != 0


# ── the image ──


def test_hadolint_finds_nothing_to_complain_of(folder: Path) -> None:
    check = program("hadolint")
    done = run(check, str(folder / "Dockerfile"))
    assert done.returncode == 0, done.stdout
    fault = planted(folder / "Dockerfile", lambda text: text.replace("USER 10001:10001\n", "USER root\n"))
    assert run(check, str(fault)).returncode != 0
