"""``stagepass``: the commands, and what happens when one fails."""

import logging
import os
import sys
from typing import Annotated, Any

import typer

from stagepass.cli import (
    api,
    audit,
    bulk,
    db,
    demo,
    deploy,
    doctor,
    health,
    held,
    jobs,
    ledger,
    limit,
    new,
    pause,
    pipelines,
    providers,
    relay,
    schedules,
    submit,
    texts,
    up,
    watch,
    why,
    worker,
    workers,
)
from stagepass.cli.exits import EPILOG, Exit, exit_of
from stagepass.cli.output import complain
from stagepass.cli.translation import translate
from stagepass.errors import InvalidInput, RequestError, StagepassError
from stagepass.sentences import sentence
from stagepass.strict import encodable


class App(typer.Typer):
    """A Typer app whose errors are sentences and exit codes, not traces."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        os.umask(0o077)  # files of a command contain keys, inputs and results: readable by this user only
        arguments = _language_first(sys.argv[1:])
        try:
            _check_text(arguments)
            command = typer.main.get_command(self)
            translate(command)
            return command(arguments, *args, **kwargs)
        except StagepassError as error:
            details = {"field": error.field, **error.details} if isinstance(error, RequestError) else {}
            complain(error.args[0], error.code, {name: value for name, value in details.items() if value is not None})
            sys.exit(exit_of(error))
        except KeyboardInterrupt:
            sys.exit(Exit.INTERRUPTED)
        finally:
            _let_go()


def _check_text(arguments: list[str]) -> None:
    """Raises `InvalidInput` for an argument that is no text: a terminal in another charset, or half an emoji."""
    for number, argument in enumerate(arguments, 1):
        if not encodable(argument):
            raise InvalidInput(
                sentence(
                    "argument {number} is not UTF-8: {argument}; set the terminal to UTF-8",
                    number=number,
                    argument=f"{argument!a:.60}",
                )
            )


def _let_go() -> None:
    """Send what a command has still to send, and close what it opened."""
    if "stagepass.bootstrap" in sys.modules:
        from stagepass import bootstrap

        if bootstrap._system is not None:
            bootstrap._system.close()


def _language_first(arguments: list[str]) -> list[str]:
    """Let ``--lang`` stand anywhere, and choose the language before any text is made."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    for place, argument in enumerate(arguments[:end]):
        if argument == "--lang" and place + 1 < end:
            given = arguments[place : place + 2]
        elif argument.startswith("--lang="):
            given = [argument]
        else:
            continue
        texts.choose(given[-1].removeprefix("--lang="))
        return [*given, *arguments[:place], *arguments[place + len(given) :]]
    return arguments


app = App(
    name="stagepass",
    help="Run multi-stage AI jobs that survive crashes, restarts and retries.\n\n"
    "Start everything on this machine with [bold]stagepass up[/bold], see it work with "
    "[bold]stagepass demo[/bold], create your own pipeline with [bold]stagepass new NAME[/bold].",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(version("stagepass"))
        raise typer.Exit


@app.callback()
def _options(
    lang: Annotated[
        str | None,
        typer.Option("--lang", help="Language of the output: en or ko. Default: the locale.", metavar="LANG"),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    if lang is not None and lang not in texts.LANGUAGES:
        raise typer.BadParameter(
            sentence("{value} is not one of: {values}", value=f"{lang!r}", values=", ".join(texts.LANGUAGES)),
            param_hint="--lang",
        )
    # the parts of the system speak to operators of services; a command says what it has to say itself
    logging.getLogger("stagepass").setLevel(logging.ERROR)


RUN, WORK, CARE = "Run it", "Jobs", "Operate"

for _command, _panel in (
    (up.up, RUN),
    (demo.demo, RUN),
    (new.new, RUN),
    (submit.submit, WORK),
    (watch.watch, WORK),
    (why.why, WORK),
    (pipelines.pipelines, CARE),
    (workers.workers, CARE),
    (pause.pause, CARE),
    (pause.resume, CARE),
    (limit.limit, CARE),
    (ledger.ledger, CARE),
    (audit.audit, CARE),
    (doctor.doctor, CARE),
    (health.health, CARE),
    (deploy.deploy, CARE),
    (api.api, "Single services"),
    (worker.worker, "Single services"),
    (relay.relay, "Single services"),
):
    app.command(rich_help_panel=_panel)(_command)
app.add_typer(jobs.group, name="jobs", rich_help_panel=WORK)
app.add_typer(held.group, name="dead", rich_help_panel=WORK)
app.add_typer(providers.group, name="providers", rich_help_panel=CARE)
app.add_typer(bulk.group, name="bulk", rich_help_panel=CARE)
app.add_typer(schedules.group, name="schedules", rich_help_panel=CARE)
app.add_typer(db.group, name="db", rich_help_panel=CARE)

if __name__ == "__main__":
    app()
