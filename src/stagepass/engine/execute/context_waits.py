"""`ctx`: waits without a slot, for time, other systems, messages and people."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from stagepass.declare.values import Duration
from stagepass.engine.commit.claims import Claimed
from stagepass.engine.execute.approvals import Approvals, Verdict
from stagepass.engine.execute.forms import awaited, now, plain, soon
from stagepass.engine.execute.messages import Messages
from stagepass.engine.execute.services import Services
from stagepass.engine.execute.signals import Signals
from stagepass.engine.execute.steps import Steps
from stagepass.engine.execute.waits import Waits

T = TypeVar("T")


class WaitCalls:
    """Part of `Context`: `wait`, `sleep`, `receive` and `approval`."""

    _services: Services
    _claimed: Claimed
    _waits: Waits
    _signals: Signals
    _messages: Messages
    _approvals: Approvals

    def wait(
        self,
        look: Callable[[], T | None],
        *,
        every: Duration,
        at_most: Duration,
        saying: str | None = None,
        name: str | None = None,
        type: Any = None,
    ) -> T:
        """Poll; while `look` returns None, give the slot back and poll again later.

        WaitCalls costs no slot, no thread and no connection. A callback to `callback_url` ends it at once. When it is
        over, its value is kept, and is not looked for again.

        Args:
            at_most: from the first look on. An attempt that failed meanwhile does not prolong it.
            saying: what people see meanwhile.
            name: of this call; by default `saying`.
            type: what the value is read as at a later pass; by default its own class (a Pydantic model, a
                dataclass, a list of them), else plain JSON.

        Raises:
            TimedOut: `at_most` has passed. Permanent: `at_most` is longer than an attempt may take.
        """
        found: T = now(self._waits.wait(look, every=every, at_most=at_most, saying=saying, name=name, type=type))
        return found

    async def wait_async(
        self,
        look: Callable[[], Awaitable[T | None]],
        *,
        every: Duration,
        at_most: Duration,
        saying: str | None = None,
        name: str | None = None,
        type: Any = None,
    ) -> T:
        """`wait` for `async def` stages: `look` returns an awaitable."""
        steps = self._waits.wait(look, every=every, at_most=at_most, saying=saying, name=name, type=type)
        found: T = await soon(steps)
        return found

    @plain
    def sleep(self, duration: Duration, saying: str | None = None, *, name: str | None = None) -> Steps[None]:
        """Give the slot back for that time, then start from the first line and continue after this one.

        Args:
            saying: what people see meanwhile.
            name: of this call; by default `saying`.

        Raises:
            Permanent: the stage's limits end before. CallChanged: the same call had another duration before;
            put a computed one in `once`.
        """
        return self._waits.sleep(duration, saying, name)

    sleep_async = awaited(sleep)

    @plain
    def receive(self, name: str, *, type: Any = None, at_most: Duration, saying: str | None = None) -> Steps[Any]:
        """Wait without a slot for the next message of that name, and take it.

        Messages are sent by `POST /api/v1/jobs/{id}/messages/{name}`, by `callback_url(name)`, or by `Engine.send`.
        They are kept in order from the moment that the job is accepted, and each is taken once.

        Args:
            type: what the message is read as; by default plain JSON values.
            at_most: then it gives None. The wait does not count towards the stage's own limits.

        Raises:
            InvalidOutput: the message does not fit its type; it is taken all the same.
        """
        return self._messages.receive(name, type, at_most, saying)

    receive_async = awaited(receive)

    @plain
    def approval(
        self,
        question: str,
        *,
        who: str,
        tell: Callable[[str], object],
        details: str = "",
        at_most: Duration = "7d",
        name: str = "approval",
        type: Any = None,
    ) -> Steps[Verdict]:
        """Ask a person, and wait for the answer without a slot.

        Args:
            who: whom the link is for; the answer is recorded as theirs.
            tell: called with the link; after a crash perhaps once more. The link is good for one answer. In a stage
                that is `async def` it may be a coroutine function.
            details: what they need to see to decide.
            at_most: the deadline. The wait does not count towards the stage's own limits.
            name: of this question.
            type: a Pydantic model that the person fills in; the verdict's `answer` is one, where it is approved.

        Raises:
            Permanent: the deadline passed without an answer.
        """
        return self._approvals.ask(question, who=who, tell=tell, details=details, at_most=at_most, name=name, type=type)

    approval_async = awaited(approval)

    @property
    def signal(self) -> Any:
        """Payload of a callback to this stage run, or None.

        In the look of a wait: the first that no wait has taken yet, then the next; the wait that ends takes what
        its look has seen. Elsewhere it shows a callback from the place on that the stage had come to when it
        arrived, so that what was decided before stays decided.
        """
        return self._signals.current()

    def callback_url(self, name: str | None = None) -> str | None:
        """A signed URL that wakes this stage run, or None where this installation has no public address.

        Args:
            name: what is posted there is a message of that name, for `receive`; else it is for `signal`.
        """
        make = self._services.callback_url
        if make is None:
            return None
        run = self._claimed.run
        return make(run.id, run.job_id) if name is None else f"{make(run.id, run.job_id)}/{name}"
