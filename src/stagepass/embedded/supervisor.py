"""Keeps the programs of `stagepass up` running: starts, restarts, stops, and says what it does.

One loop in the main thread. It sleeps until a signal (the death of a child is one, SIGCHLD) or the
next thing that is due; only a child that is asked whether it is ready is looked at on a beat.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence

from stagepass.embedded.child import Child, Keeper
from stagepass.embedded.console import Console
from stagepass.embedded.wakeup import Wakeup

FIRST_DELAY, LONGEST_DELAY = 0.2, 5.0
"""Seconds from a death to the next start: doubled with each death in a row, up to the second."""

LONG_LIFE = 10.0
"""Seconds of life after which a death is the first in a row again."""

_CRASH_LOOP = 3  # deaths in a row after which the last lines are shown, and again at twice as many
_LOOK_EVERY = 1.0  # seconds between two looks at what runs and may be of no use
_ASK_EVERY = 0.05  # seconds between two questions "are you ready?"
_SAY_EVERY = 10.0  # seconds of waiting for an answer before a word about it
_HOOK_TIME = 2.0  # seconds that hooks may still take when everything else has ended
_ME = "stagepass"


class Supervisor:
    """Runs a list of programs until SIGTERM, SIGINT or SIGHUP; for the main thread only.

    They start in order; a child that declares `Child.ready` holds back those after it until its first
    yes. They stop in the reverse order: all that were held back by the same child at once, then that
    child. A second Ctrl-C kills what is left.

    Args:
        children: the programs, in the order of their starts.
        on_death: called at once with name and process id, in a separate thread, when a child has
            died unasked or was killed: to hand its work on.
        console: where the children's lines and the supervisor's own go.
    """

    def __init__(
        self,
        children: Sequence[Child],
        on_death: Callable[[str, int], None] | None = None,
        console: Console | None = None,
    ) -> None:
        self._keepers = [Keeper(child, was_ready=child.ready is None) for child in children]
        self._on_death = on_death
        self._console = console or Console()
        self._console.register(_ME, *(child.name for child in children))
        self._hooks: list[threading.Thread] = []
        self._stopping = False
        self._killed = False
        self._looks = 0.0

    def run(self) -> int:
        """Run until a stop signal arrives and all children have ended.

        Returns:
            The exit code: 0 after a clean stop, 1 if a child had to be killed.
        """
        # Python makes both ends close-on-exec: no child ever holds the write end. Its closing, by the
        # kernel at the latest, is what the children wait for (see `parent`).
        self._pipe, write_end = os.pipe()
        try:
            with Wakeup() as wakeup:
                while not self._stopping or self._alive():
                    wakeup.sleep(self._next_look())
                    self._obey(wakeup.take())
                    self._bury()
                    if self._stopping:
                        self._stop_the_last()
                    else:
                        self._start_what_is_due()
                        self._end_what_is_lost()
                self._let_hooks_end()
            self._say("stopped" if not self._killed else "stopped; not everything had ended by itself")
            return 1 if self._killed else 0
        finally:
            for keeper in self._keepers:
                keeper.kill()  # only after a bug in the loop above
            os.close(write_end)
            os.close(self._pipe)

    # ── signals ──────────────────────────────────────────────────────────────────────────────────

    def _obey(self, signals: Sequence[signal.Signals]) -> None:
        for number in signals:
            if not self._stopping:
                self._stopping = True
                self._say(f"{number.name}: stopping; press Ctrl-C to kill what still runs")
            elif number == signal.SIGINT:
                for keeper in self._alive():
                    self._kill(keeper, "Ctrl-C again")

    # ── starting ─────────────────────────────────────────────────────────────────────────────────

    def _start_what_is_due(self) -> None:
        for keeper in self._keepers:
            if not keeper.alive and time.monotonic() >= keeper.due:
                self._start(keeper)
            if not keeper.was_ready and not self._answers(keeper):
                return  # the rest waits

    def _start(self, keeper: Keeper) -> None:
        try:
            keeper.start(self._pipe, self._console)
        except Exception as error:
            keeper.tail.append(str(error))
            self._count_failure(keeper, f"could not be started: {error}", lived=0.0)
        else:
            keeper.next_word = keeper.started + _SAY_EVERY

    def _answers(self, keeper: Keeper) -> bool:
        assert keeper.child.ready is not None
        if not keeper.alive:
            return False
        try:
            keeper.was_ready, answer = keeper.child.ready(), "not ready"
        except Exception as error:
            answer = str(error) or type(error).__name__
        if not keeper.was_ready and time.monotonic() > keeper.next_word:
            keeper.next_word = time.monotonic() + _SAY_EVERY
            waited = time.monotonic() - keeper.started
            self._say(f"still waiting for {keeper.child.name} after {waited:.0f} s: {answer}", alarm=True)
        return keeper.was_ready

    def _end_what_is_lost(self) -> None:
        """A child that runs and cannot be reached is ended, and started again as after any death."""
        now = time.monotonic()
        if now < self._looks:
            return
        self._looks = now + _LOOK_EVERY
        for keeper in self._alive():
            if keeper.deadline is not None:
                if now >= keeper.deadline:
                    self._kill(keeper, f"not ended within {keeper.child.grace:g} s")
            elif keeper.child.lost is not None and keeper.was_ready and (why := keeper.child.lost()) is not None:
                self._say(f"{keeper.child.name}: {why}; starting it again", alarm=True)
                keeper.ask_to_stop()
            elif keeper.child.lost is not None and keeper.child.ready is not None:
                keeper.child.ready()  # notes what it looks like when it answers again

    # ── deaths ───────────────────────────────────────────────────────────────────────────────────

    def _bury(self) -> None:
        for keeper in self._keepers:
            killed = keeper.killed
            process = keeper.ended()
            if process is None:
                continue
            if not self._stopping or killed:
                self._hand_on(keeper.child.name, process.pid)
            if not self._stopping:
                lived = time.monotonic() - keeper.started
                self._count_failure(keeper, f"(process {process.pid}) {_ending(process.returncode)}", lived)
        if os.getpid() == 1:  # as a container's first process it inherits orphans, and must reap them
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass

    def _count_failure(self, keeper: Keeper, what: str, lived: float) -> None:
        keeper.failures = 1 if lived >= LONG_LIFE else keeper.failures + 1
        delay = min(FIRST_DELAY * 2 ** min(keeper.failures - 1, 10), LONGEST_DELAY)
        keeper.due = time.monotonic() + delay
        self._say(f"{keeper.child.name} {what}; starting it again in {delay:g} s", alarm=True)
        rounds, rest = divmod(keeper.failures, _CRASH_LOOP)
        if rest == 0 and rounds.bit_count() == 1:
            self._say(f"{keeper.child.name} failed {keeper.failures} times in a row; its last lines:", alarm=True)
            for line in list(keeper.tail) or ["(it said nothing)"]:
                self._say(f"    {line}", alarm=True)

    def _hand_on(self, name: str, pid: int) -> None:
        """Runs the hook beside the loop: a slow database must not hold up restarts and signals."""
        if self._on_death is None:
            return
        hook = threading.Thread(target=self._call_hook, args=(name, pid), name=f"death-of-{name}", daemon=True)
        self._hooks = [*(thread for thread in self._hooks if thread.is_alive()), hook]
        hook.start()

    def _let_hooks_end(self) -> None:
        deadline = time.monotonic() + _HOOK_TIME
        for hook in self._hooks:
            hook.join(max(0.0, deadline - time.monotonic()))

    def _call_hook(self, name: str, pid: int) -> None:
        assert self._on_death is not None
        try:
            self._on_death(name, pid)
        except Exception as error:  # the work is handed on later, when the lease runs out
            self._say(f"the work of {name} ({pid}) could not be handed on at once: {error}", alarm=True)

    # ── stopping ─────────────────────────────────────────────────────────────────────────────────

    def _stop_the_last(self) -> None:
        """Asks the last layer that lives to stop, and kills in it what is past its grace."""
        for keeper in reversed(self._last_layer()):
            keeper.ask_to_stop()
            if keeper.deadline is not None and time.monotonic() >= keeper.deadline:
                self._kill(keeper, f"not ended within {keeper.child.grace:g} s")

    def _last_layer(self) -> list[Keeper]:
        layer: list[Keeper] = []
        for keeper in reversed(self._keepers):
            if keeper.child.ready is not None and any(later.alive for later in layer):
                break  # it carries those after it
            layer.insert(0, keeper)
        return [keeper for keeper in layer if keeper.alive]

    def _kill(self, keeper: Keeper, why: str) -> None:
        if not keeper.killed:
            self._say(f"killing {keeper.child.name}: {why}", alarm=True)
        self._killed = True
        keeper.kill()

    # ── sleeping ─────────────────────────────────────────────────────────────────────────────────

    def _next_look(self) -> float | None:
        """Seconds until something is due; None: only a signal is waited for."""
        if self._stopping:
            return _until([k.deadline for k in self._alive() if k.deadline is not None and not k.killed])
        gate = next((i for i, keeper in enumerate(self._keepers) if not keeper.was_ready), len(self._keepers))
        due = [keeper.due for keeper in self._keepers[: gate + 1] if not keeper.alive]
        if any(keeper.alive for keeper in self._keepers[gate : gate + 1]):
            due.append(time.monotonic() + _ASK_EVERY)
        if any(keeper.child.lost is not None for keeper in self._alive()):
            due.append(self._looks)
        return _until(due)

    def _alive(self) -> list[Keeper]:
        return [keeper for keeper in self._keepers if keeper.alive]

    def _say(self, text: str, *, alarm: bool = False) -> None:
        self._console.line(_ME, text, alarm=alarm)


def _until(moments: Sequence[float]) -> float | None:
    return max(0.0, min(moments) - time.monotonic()) if moments else None


def _ending(returncode: int) -> str:
    if returncode >= 0:
        return f"ended with exit code {returncode}"
    with contextlib.suppress(ValueError):
        return f"was killed by {signal.Signals(-returncode).name}"
    return f"was killed by signal {-returncode}"
