"""``stagepass relay``: what waited long enough goes on, what a dead worker dropped goes on elsewhere."""

import logging
import signal
from typing import Any

log = logging.getLogger("stagepass.relay")


def relay() -> None:
    """Run the relay: it wakes what waits, rescues the work of dead workers and cleans up.

    Run one or several per installation; `stagepass up` runs one. It ends with SIGTERM or Ctrl-C.

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
