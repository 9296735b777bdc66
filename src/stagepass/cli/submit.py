"""``stagepass submit``: one job, and, if wanted, the way to its end."""

import sys
from typing import Annotated, Any

import typer

from stagepass.cli.output import Json, as_json, emit, note

Owner = Annotated[str, typer.Option(help="Owner of the job.")]


def submit(
    pipeline: Annotated[str, typer.Argument(help="Name of the pipeline; `stagepass pipelines` lists them.")],
    input: Annotated[
        str | None,
        typer.Option("--input", "-i", metavar="JSON|@FILE|-", help="The input as JSON, @file, or - for stdin."),
    ] = None,
    fields: Annotated[
        list[str] | None,
        typer.Option(
            "--set", "-s", metavar="FIELD=VALUE", help="Set one input field; use FIELD:=JSON for non-text values."
        ),
    ] = None,
    files: Annotated[
        list[str] | None,
        typer.Option("--file", "-f", metavar="FIELD=PATH", help="Upload a file for a field; may be repeated."),
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Idempotency key: the same key and input return the same job.")
    ] = None,
    priority: Annotated[int, typer.Option(help="Priority from -100 to 100; higher runs first.", min=-100, max=100)] = 0,
    delay: Annotated[float, typer.Option(help="Seconds to wait before the job may start.", min=0)] = 0.0,
    stepwise: Annotated[bool, typer.Option("--stepwise", help="Pause after each stage until `jobs resume`.")] = False,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="NAME=VALUE", help="Tag of the job; may be repeated.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the job to end, then print the result.")] = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show live progress, then print the result.")] = False,
    owner: Owner = "local",
    json: Json = False,
) -> None:
    """Submit a job and print its id.

    Once the id is printed, the job survives the loss of any process.

    [bold]Examples[/bold]

      stagepass submit promo --watch --set customer_name="Harbor Light" --set region=Jeju --file images=front.jpg

      stagepass submit scan --input @input.json --wait > result.json

      id=$(stagepass submit promo --input - < input.json) && stagepass watch "$id"
    """
    from stagepass.cli.inputs import read_input, set_fields, set_files
    from stagepass.cli.installation import installation
    from stagepass.cli.watch import show
    from stagepass.declare.tags import read_tags
    from stagepass.views.jobs import job_view

    system = installation()
    model = system.registry.latest(pipeline).input
    value = read_input(input)
    set_fields(value, fields or [], model)
    stored = set_files(value, files or [], model, system.files, system.settings.max_upload_bytes)
    try:
        accepted = system.engine.submit(
            pipeline,
            value,
            owner=owner,
            key=key,
            priority=priority,
            across=True,
            delay=delay,
            stepwise=stepwise,
            tags=read_tags(tag),
        )
    except BaseException:
        _drop(system, stored)
        raise
    job = accepted.job
    if accepted.created:
        for file in stored:
            system.store.keep_file(file, job.id, None, owner, system.engine.clock.now())
    else:
        _drop(system, stored)
    if watch or wait:
        if not as_json():
            note("submit.accepted" if accepted.created else "submit.known", job=job.id)
        raise typer.Exit(show(system, job, quiet=wait and not watch))
    if as_json():
        shown = job_view(system, job, None if accepted.created else system.engine.runs(job))
        emit({"created": accepted.created, **shown.model_dump(mode="json")})
    else:
        print(job.id)
        if sys.stdout.isatty():
            note("submit.next" if accepted.created else "submit.known", job=job.id)


def _drop(system: Any, stored: list[Any]) -> None:
    """Files of a job that was not made."""
    for file in stored:
        system.files.delete(file.uri)
