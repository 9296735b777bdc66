"""A real process, killed by SIGKILL at each failpoint: the job ends, and nothing is done or bought twice."""

import signal
from collections.abc import Iterator

import pytest

from stagepass.engine.model.failpoints import NAMES
from stagepass.engine.model.states import JobState
from tests.support.site import Site, site

SUBMITTER = ("submit.before_commit", "submit.after_commit", "bell.before_send", "bell.after_send")
RELAY = ("relay.before_rescue", "relay.before_commit", "relay.after_commit", "relay.after_rescue")
CLAIM_OR_SETTLE = ("claim.before_commit", "claim.after_commit", "settle.before_commit", "settle.after_commit")
UNKNOWN = ("once.after_intent", "once.after_call")
"""There nobody knows whether it was bought: a person decides."""

POINTS = [
    (name, at)
    for name in NAMES
    if not name.startswith(("call.", "bulk."))  # those have tests of their own
    for at in ((1, 2, 3) if name in CLAIM_OR_SETTLE else (1,))
]


@pytest.fixture
def here() -> Iterator[Site]:
    with site() as made:
        yield made


@pytest.mark.parametrize(("name", "at"), POINTS)
def test_killed_at_every_failpoint_a_job_ends_once(here: Site, name: str, at: int) -> None:
    armed = f"{name}=kill@{at}"
    order = here.order("a")
    delay = 0.05 if name.endswith("_promote") else 0.0
    submitted = here.submit_elsewhere(order, "key", armed if name in SUBMITTER else "", delay)
    submitted.join(20)
    assert submitted.exitcode == (-signal.SIGKILL if name in SUBMITTER else 0), "the failpoint was come by"
    if name in SUBMITTER:
        again = here.submit_elsewhere(order, "key")  # what a client does that got no answer
        again.join(20)
        assert again.exitcode == 0
    else:
        if name in RELAY:
            lost = here.serve("body.before=kill@2")
            lost.join(20)
            assert lost.exitcode == -signal.SIGKILL
        killed = here.serve(armed)
        killed.join(20)
        assert killed.exitcode == -signal.SIGKILL, "the failpoint was come by"
    here.serve()
    job = here.settled(here.system.engine.job_by_key("key", "local").id)

    assert len(here.lines("bought")) <= 1
    if name in UNKNOWN:
        assert job.state is JobState.HELD
        (held,) = [run for run in here.system.engine.runs(job) if run.stage == "two"]
        assert held.error is not None
        assert held.error["code"] == "outcome_unknown"
        here.system.engine.decide(held.id, None, name="buy", value="song")
        job = here.settled(job.id)
    assert job.state is JobState.COMPLETED
    assert here.system.engine.result(job) == {"text": "a12song3"}
    assert len(here.lines("bought")) == (0 if name == "once.after_intent" else 1)
    events = here.system.engine.events(job.id)
    assert [event.seq for event in events] == list(range(1, job.seq + 1))
    assert [event.type for event in events].count("job.completed") == 1
    done = [event.stage for event in events if event.type == "stage.completed"]
    assert done == ["one", "two", "three"], "a finished stage is never run again"
    begun = sum(len(here.lines(stage)) for stage in ("one", "two", "three"))
    assert begun <= 3 + 1 + (name in UNKNOWN), "only the stage that was cut off is called again"


@pytest.mark.parametrize(
    ("form", "name"),
    [
        *(("plain", name) for name in NAMES if name.startswith("call.")),
        *(("async", name) for name in NAMES if name.startswith(("once.", "call."))),
    ],
)
def test_killed_inside_a_call_both_forms_buy_once_and_continue(here: Site, form: str, name: str) -> None:
    job_id = here.system.engine.submit(f"calls_{form}", here.order()).job.id
    killed = here.serve(f"{name}=kill")
    killed.join(20)
    assert killed.exitcode == -signal.SIGKILL, "the failpoint was come by"
    here.serve()
    job = here.settled(job_id)
    if name in UNKNOWN:
        assert job.state is JobState.HELD
        (held,) = here.system.engine.runs(job)
        here.system.engine.decide(held.id, None, name="buy", value="song")
        job = here.settled(job_id)
    assert job.state is JobState.COMPLETED
    assert here.system.engine.result(job) == {"text": "song there"}
    assert len(here.lines("bought")) == (0 if name == "once.after_intent" else 1)
    assert len(here.lines("looked")) == (2 if name == "call.before_record" else 1), "what a wait has found is kept"
    assert len(here.lines("begun")) == 2 + (name in UNKNOWN)
