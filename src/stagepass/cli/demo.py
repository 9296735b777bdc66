"""``stagepass demo``: the whole system at work once, on this machine, for nothing."""

import os
import select
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagepass.cli.output import Json, as_json, emit, note, out
from stagepass.cli.up import SHOWN
from stagepass.sentences import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stagepass.bootstrap import System
    from stagepass.declare.pipeline import Pipeline
    from stagepass.declare.values import File
    from stagepass.engine.model.records import Job

START_WITHIN = 120.0
"""Seconds within which everything must have started."""

LOCAL = {
    "database_url": "",
    "redis_url": "",
    "broker_url": "",
    "text_model": "local",
    "song_maker": "local",
    "clip_maker": "local",
    "scan_models": "",
}
"""Whatever is configured: a demo touches no real database, and buys nothing."""


def demo(
    pipeline: Annotated[str, typer.Argument(help="The pipeline to run.")] = SHOWN,
    language: Annotated[
        str | None, typer.Option(help="Language of the song: Korean or English. Default: that of the terminal.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Path to save the clip to.")] = None,
    data: Annotated[Path | None, typer.Option(help="Data folder, kept afterwards. Default: a temporary one.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the temporary data folder.")] = False,
    json: Json = False,
) -> None:
    """Run a demo: start everything, run an example job, save its result, stop everything.

    Makes a song and a video for a small guesthouse on this machine, without network, keys or cost.
    The last line is the path of the clip.

    [bold]Examples[/bold]

      stagepass demo

      stagepass demo --language English --output harbor.mp4
    """
    from stagepass.bootstrap import load_system
    from stagepass.cli.watch import code_of, show
    from stagepass.settings import Settings

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    folder = (data or Path(tempfile.mkdtemp(prefix="stagepass-demo-"))).resolve()
    try:
        system = load_system(Settings.load(data_dir=folder, **LOCAL))
        declared = system.registry.latest(pipeline)
        note("demo.starting", folder=str(folder))
        with running(folder) as ready:
            note("demo.running", seconds=ready["seconds"], url=ready["url"])
            job = system.engine.submit(pipeline, example(system, declared, language)).job
            code = show_quietly(system, job) if as_json() else show(system, job, result=False)
            job = system.engine.job(job.id, None)
            if code == 0:
                target = (output or Path("stagepass-demo.mp4")).resolve()
                tell(system, job, target)
        raise typer.Exit(code_of(job))
    finally:
        if data is None and not keep:
            shutil.rmtree(folder, ignore_errors=True)


def show_quietly(system: "System", job: "Job") -> int:
    """Wait for the end; standard output is for the one line at the end."""
    from stagepass.cli.follow import follow
    from stagepass.cli.watch import code_of

    return code_of(follow(system, job, lambda news, stored: None))


# ── the machinery, in a separate process ───────────────────────────────────────────────────────


@contextmanager
def running(folder: Path) -> Iterator[dict[str, Any]]:
    """Run `stagepass up` on a free port inside the context; yields its ready message."""
    import json as json_
    import subprocess

    from stagepass.cli.plan import STAGEPASS
    from stagepass.embedded import parent
    from stagepass.errors import Unavailable

    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "up.log"
    # if this process is killed, the other end of the pipe tells
    reader, writer = os.pipe()
    argv = [*STAGEPASS, "up", "--port", "0", "--host", "127.0.0.1", "--data", str(folder), "--json"]
    env = {**os.environ, **{name.upper(): value for name, value in LOCAL.items()}, "LOG_FORMAT": "text"}
    with log.open("wb") as errors:
        process = subprocess.Popen(
            parent.launcher(reader, argv),
            env={**env, "WORKERS": "", parent.PARENT_FD: str(reader)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            pass_fds=(reader,),
            start_new_session=True,
        )
    try:
        assert process.stdout is not None
        said, _, _ = select.select([process.stdout], [], [], START_WITHIN)
        line = process.stdout.readline() if said else b""
        if not line:
            raise Unavailable(sentence("the services did not start: {why}", why=_why(log)))
        yield json_.loads(line)
    finally:
        _stop(process)
        os.close(reader)
        os.close(writer)


def _why(log: Path) -> str:
    """The lines that tell of an error, or the last ones."""
    lines = log.read_text("utf-8", "replace").splitlines()
    return " ".join([line for line in lines if "Error" in line or "error:" in line][-3:] or lines[-3:])


def _stop(process: Any) -> None:
    import subprocess

    from stagepass.embedded import parent

    process.send_signal(signal.SIGTERM)
    try:
        process.wait(40)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    parent.kill_group(process.pid)  # its guardian


# ── the example ──────────────────────────────────────────────────────────────────────────────────


def _readable(examples: "Sequence[Mapping[str, Any]]") -> "Mapping[str, Any]":
    """The first example that the reader of this terminal can read."""
    from stagepass.cli.texts import language

    return next((entry for entry in examples if language() == "ko" or str(entry).isascii()), examples[0])


def example(system: "System", pipeline: "Pipeline", language: str | None) -> dict[str, Any]:
    """An example input of the pipeline, with its example pictures."""
    import importlib.resources

    from stagepass.cli.inputs import set_files
    from stagepass.errors import NotFound

    if not pipeline.examples:
        raise NotFound(
            sentence(
                "the pipeline {name} has no examples; add some: Pipeline(…, examples=[{{…}}])",
                name=f"{pipeline.name!r}",
            )
        )
    wanted = language.lower() if language else None
    chosen = next((entry for entry in pipeline.examples if str(entry.get("language", "")).lower() == wanted), None)
    input = dict(chosen or _readable(pipeline.examples))
    if language and "language" in pipeline.input.model_fields:
        input["language"] = language
    folder = importlib.resources.files(next(iter(pipeline.stages.values())).body.__module__.rpartition(".")[0])
    pictures = sorted(
        (entry for entry in (folder / "examples").iterdir() if entry.name.endswith((".jpg", ".png", ".webp"))),
        key=lambda entry: entry.name,
    )
    if pictures and "images" in pipeline.input.model_fields:
        input.pop("images", None)
        set_files(input, [f"images={picture}" for picture in pictures], pipeline.input, system.files)
    elif pictures and "image" in pipeline.input.model_fields:
        input.pop("image_url", None)
        set_files(input, [f"image={pictures[0]}"], pipeline.input, system.files)
    return input


# ── what came out ────────────────────────────────────────────────────────────────────────────────


def tell(system: "System", job: "Job", target: Path) -> None:
    """Copy the clip, and print the facts; the last line says where it is."""
    from stagepass.cli.watch import print_result
    from stagepass.declare.values import File

    outputs = system.engine.outputs(job, every=True)
    clip = next((output["file"] for output in reversed(outputs.values()) if _has_file(output)), None)
    if clip is None:
        rows = None if as_json() else _card(system, job, outputs)
        if rows is None:
            many = {**outputs, "times": _made(system, job, {})["times"]}
            print_result(many if len(outputs) > 1 else system.engine.result(job))
        else:
            _print_rows(rows)
        return
    copy(system, File.model_validate(clip), target)
    facts = {**_media(target), **_made(system, job, outputs)}
    if as_json():
        emit({"clip": str(target), "job": job.id, **facts})
        return
    from stagepass.cli.texts import text

    _print_rows({text(f"demo.fact.{name}"): _worded(value) for name, value in facts.items()})
    print(f"clip: {target}", flush=True)


def _card(system: "System", job: "Job", outputs: dict[str, Any]) -> dict[str, str] | None:
    """Rows of the pipeline's `card.py` for its outputs; None if it has none."""
    import importlib
    import importlib.util

    from stagepass.cli.texts import language

    stages = system.registry.latest(job.pipeline).stages.values()
    package = next(iter(stages)).body.__module__.rpartition(".")[0]
    if not package or importlib.util.find_spec(f"{package}.card") is None:
        return None
    return dict(importlib.import_module(f"{package}.card").card(outputs, language()))


def _print_rows(rows: dict[str, str]) -> None:
    from rich.cells import cell_len

    for name, value in rows.items():
        out().print(f"[dim]{name}{' ' * (10 - cell_len(name))}[/dim] ", end="")
        print(("\n" + " " * 11).join(value.splitlines() or [""]))


def _has_file(output: Any) -> bool:
    return isinstance(output, dict) and isinstance(output.get("file"), dict)


def copy(system: "System", file: "File", target: Path) -> None:
    """Bring a file out of the store; what is at `target` is replaced when the copy is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    with system.files.local_copy(file) as path:
        shutil.copyfile(path, beside)
    beside.replace(target)


def _media(path: Path) -> dict[str, Any]:
    from stagepass.providers.local.media import loudness, probe

    media = probe(path)
    streams = []
    if video := media.video:
        streams.append(f"{video.codec} ({video.profile}) {video.pixels} {video.width}×{video.height} {video.fps:g} fps")
    if audio := media.audio:
        streams.append(f"{audio.codec} {audio.rate} Hz {audio.channels}")
    return {
        "codec": " + ".join(streams),
        "duration": f"{media.duration:.1f} s" if media.duration else None,
        "loudness": f"{loudness(path):.1f} LUFS" if media.audio else None,
        "size": f"{path.stat().st_size / 1e6:.1f} MB",
    }


def _made(system: "System", job: "Job", outputs: dict[str, Any]) -> dict[str, Any]:
    runs = system.engine.runs(job)
    return {
        "providers": {name: output["provider"] for name, output in outputs.items() if "provider" in output},
        "times": {
            run.stage: f"{(run.finished_at - run.started_at) / 1000:.1f} s"
            for run in runs
            if run.started_at and run.finished_at
        },
        "lyric": next((output["text"] for output in outputs.values() if isinstance(output.get("text"), str)), None),
    }


def _worded(value: Any) -> str:
    if isinstance(value, dict):
        return " · ".join(f"{name} {entry}" for name, entry in value.items())
    return str(value if value is not None else "–")
