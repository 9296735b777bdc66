"""Builds what a Dockerfile says without a container engine: each stage in a root of its own, each RUN inside it.

The base image is stood in for by a bare Debian with Python: the steps run as written, under the users that they
name. What stays untested is the base image itself and the engine's isolation.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.databases import missing

PASSED_ON = ("SSL_CERT_FILE", "PIP_CERT", "PIP_INDEX_URL", "UV_INDEX_URL", "http_proxy", "https_proxy", "no_proxy")
"""What this machine needs to reach its package index."""

INCLUDED = "python3,python3-venv,python3-pip,ca-certificates"


@dataclass
class Stage:
    """One stage of a build: its root folder, and what its instructions have set."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    user: str = "0:0"
    folder: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    copied: list[str] = field(default_factory=list)

    def run(
        self,
        command: list[str],
        *,
        read_only: bool = False,
        more: Mapping[str, str] | None = None,
        timeout: float = 900,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside, as the user of the stage; with `read_only`, everything but /data, /files and /tmp is."""
        return subprocess.run(
            self.inside(command, read_only=read_only),
            env={**self.environment, **(more or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    def inside(self, command: list[str], *, read_only: bool = False) -> list[str]:
        """The command line that runs this inside, for a caller that keeps it running."""
        root = shlex.quote(str(self.root))
        steps = [f"mount --bind {root} {root}", f"mount -t proc proc {root}/proc", f"mount --rbind /dev {root}/dev"]
        if read_only:
            steps += [f"mount --bind {root}/{name} {root}/{name}" for name in ("data", "files", "tmp")]
            steps += [f"mount -o remount,bind,ro {root}"]
        inner = f"cd {shlex.quote(self.folder)} && exec {shlex.join(command)}"
        steps.append(f"exec /usr/sbin/chroot --userspec={self.user} {root} /bin/sh -c {shlex.quote(inner)}")
        return ["/usr/bin/unshare", "--mount", "--", "/bin/sh", "-ec", "\n".join(steps)]


def base(folder: Path) -> Path:
    """A bare Debian with `python`, in place of the base image."""
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        missing("a clean root needs root and debootstrap (Debian: debootstrap)")
    root = folder / "base"
    made = ["debootstrap", "--variant=minbase", f"--include={INCLUDED}", "bookworm", str(root)]
    subprocess.run(made, check=True, capture_output=True, timeout=600)
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    for name in ("etc/resolv.conf", "etc/ssl/certs/ca-certificates.crt"):
        shutil.copyfile(f"/{name}", root / name)
    return root


def build(dockerfile: Path, context: Path, folder: Path, arguments: Mapping[str, str]) -> Stage:
    """Carry out every instruction. Raises `AssertionError` with the output of a step that fails."""
    clean = base(folder)
    stages: dict[str, Stage] = {}
    stage: Stage | None = None
    for word, rest in _instructions(dockerfile.read_text()):
        if word == "FROM":
            name = rest.partition(" AS ")[2] or f"stage{len(stages)}"
            root = folder / name
            subprocess.run(["cp", "-a", str(clean), str(root)], check=True)
            path = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
            passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
            stage = stages[name] = Stage(root, {"PATH": path, **passed})
            continue
        assert stage is not None
        _carry_out(stage, word, rest, context, stages, arguments)
    assert stage is not None
    return stage


def _instructions(text: str) -> list[tuple[str, str]]:
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    whole = re.sub(r"\\\n\s*", " ", lines)
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in whole.splitlines() if line.strip()]


def _carry_out(
    stage: Stage, word: str, rest: str, context: Path, stages: Mapping[str, Stage], arguments: Mapping[str, str]
) -> None:
    if word == "ARG":
        name, _, default = rest.partition("=")
        stage.arguments[name] = arguments.get(name, default.strip('"'))
    elif word == "ENV":
        for pair in shlex.split(rest):
            name, _, value = pair.partition("=")
            stage.environment[name] = value
    elif word == "WORKDIR":
        stage.folder = rest
        (stage.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
    elif word == "USER":
        stage.user = rest
    elif word == "COPY":
        _copy(stage, shlex.split(rest), context, stages)
    elif word == "RUN":
        command = re.sub(r"--mount=\S+\s*", "", rest)
        done = stage.run(["/bin/sh", "-c", command], more=stage.arguments)
        assert done.returncode == 0, f"RUN {command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    elif word == "HEALTHCHECK":
        stage.health = json.loads(rest.partition("CMD ")[2])
    elif word in ("ENTRYPOINT", "CMD"):
        setattr(stage, "entrypoint" if word == "ENTRYPOINT" else "command", json.loads(rest))
    else:
        assert word in ("LABEL", "EXPOSE", "STOPSIGNAL"), word


def _copy(stage: Stage, words: list[str], context: Path, stages: Mapping[str, Stage]) -> None:
    source = context
    if words[0].startswith("--from="):
        source = stages[words.pop(0).partition("=")[2]].root
    *names, target = words
    into = stage.root / os.path.join(stage.folder, target).lstrip("/")
    for name in names:
        found = source / name.lstrip("/")
        if found.is_dir():
            into.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-aT", str(found), str(into)], check=True)
        else:
            inner = into / found.name if target.endswith("/") else into
            inner.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(found, inner)
