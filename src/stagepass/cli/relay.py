"""``stagepass relay``: wakes runs that are due and rescues runs of dead workers."""

import logging
import signal
from typing import Any

log = logging.getLogger("stagepass.relay")


def relay() -> None:
    """Run the relay: wakes stage runs that are due, rescues the work of dead workers, deletes old data.

    Run one or more per installation; `stagepass up` runs one. Stop it with SIGTERM or Ctrl-C.

    [bold]Example[/bold]

      DATABASE_URL=postgresql://me@db/stagepass BROKER_URL=amqp://mq stagepass relay
    """
    from stagepass.cli.service import begin

    system = begin()
    loop = system.relay()

    def stop(*_: Any) -> None:
        loop.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    system.store.check()
    system.check_redis()
    log.info("the relay runs")
    loop.run()
