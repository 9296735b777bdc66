"""Stages with many calls on real processes, killed by SIGKILL between any two of them: exact counts, in linear space.

Each process comes by as many boundaries as the dice say, and dies there; the next one takes over. The calendar is
moved by hand.
"""

import random
from collections.abc import Iterator

import pytest

from tests.support.backends import Backend
from tests.support.databases import empty
from tests.support.flow_walk import Sender, Walk, walk
from tests.support.memo_space import space

pytestmark = pytest.mark.timeout(900)
LONG = ("sqlite+redis", "postgresql+rabbitmq")
SEEDS = (1, 2, 3)
HOUR, DAY = 3_600_000, 86_400_000

CASES = [pytest.param("sqlite+redis", 1, id="sqlite+redis-1")] + [
    pytest.param(name, seed, id=f"{name}-{seed}", marks=pytest.mark.chaos)
    for name in LONG
    for seed in SEEDS
    if (name, seed) != ("sqlite+redis", 1)
]
everywhere = pytest.mark.parametrize(("place", "seed"), CASES, indirect=["place"])
at_length = pytest.mark.chaos


@pytest.fixture
def here(place: Backend) -> Iterator[Walk]:
    with walk(database_url=place.database_url, broker_url=place.broker_url) as made:
        empty(made.system.store)
        yield made


@everywhere
def test_an_order_is_undone_once(here: Walk, place: Backend, seed: int) -> None:
    job = here.submit("order", size=2)
    ended = here.finish(job, random.Random(seed))
    assert (ended.state, ended.error and ended.error["undone"]) == ("failed", ["pack", "reserve"])
    bought = ["pack", "pack", "release 2", "reserve", "unpack g0", "unpack g1"]
    assert here.charges([job]) == bought
    assert here.charges([job], "mail") == ["mail blocked 2"]
    assert here.kills >= 2


@at_length
@everywhere
def test_a_saga_gives_the_car_back_once_and_asks_for_one_seat(here: Walk, place: Backend, seed: int) -> None:
    job = here.submit("trip")
    ended = here.finish(job, random.Random(seed))
    assert here.system.engine.result(ended) == "car of book, give back of book"
    (child,) = here.children("flights", job)
    assert (here.charges([job]), here.charges([child.id])) == (["car", "give back"], ["seat"])
    assert ended.finished_at is not None
    assert DAY <= ended.finished_at - ended.created_at < DAY + HOUR
    assert here.kills >= 2


@at_length
@everywhere
def test_a_fallback_pays_the_second_model_and_has_cancelled_the_first(here: Walk, place: Backend, seed: int) -> None:
    job = here.submit("fallback")
    ended = here.finish(job, random.Random(seed))
    assert here.system.engine.result(ended) == "ask of reply, tokens of reply"
    first, second = sorted(here.children("model", job), key=lambda child: child.id)
    assert (first.state, second.state) == ("cancelled", "completed")
    assert (here.charges([first.id]), here.charges([second.id])) == (["ask"], ["ask", "tokens"])


@at_length
@everywhere
def test_three_mails_in_three_days(here: Walk, place: Backend, seed: int) -> None:
    job = here.submit("reminder")
    ended = here.finish(job, random.Random(seed))
    assert here.system.engine.result(ended) == "no answer"
    assert here.charges([job], "mail") == ["mail 0", "mail 1", "mail 2"]
    assert ended.finished_at is not None
    assert 3 * DAY <= ended.finished_at - ended.created_at < 3 * DAY + HOUR


@at_length
@everywhere
def test_a_day_of_polling_with_five_in_a_hundred_looks_failing(here: Walk, place: Backend, seed: int) -> None:
    job = here.submit("nightly", size=144)
    ended = here.finish(job, random.Random(seed), most=60)
    assert here.system.engine.result(ended) == "batch of results: done"
    assert here.charges([job]) == ["batch"]
    assert here.journal.count(f"look {job}") == 144
    assert ended.finished_at is not None
    assert 20 * HOUR < ended.finished_at - ended.created_at < 26 * HOUR
    assert here.kills >= 3


@at_length
@everywhere
def test_a_chat_answers_each_line_once_in_order(here: Walk, place: Backend, seed: int) -> None:
    job, dice = here.submit("chat", size=30), random.Random(seed)
    left = [f"line {number}" for number in range(30)]

    def send() -> None:
        for _ in range(dice.randint(1, 8)):
            if left:
                here.system.engine.send(job, "line", text := left.pop(0), key=text)
                here.system.engine.send(job, "line", text, key=text)  # a sender that got no answer

    ended = here.finish(job, dice, meanwhile=send)
    answers = ["answer", *(f"answer#{number}" for number in range(2, 31))]
    said = [f"line {number}: {answer} of talk" for number, answer in enumerate(answers)]
    assert here.system.engine.result(ended) == said
    assert here.charges([job]) == sorted(answers)
    assert here.kills >= 5


@at_length
@everywhere
def test_an_agent_pays_each_of_a_hundred_calls_once_in_linear_space(here: Walk, place: Backend, seed: int) -> None:
    job, half = here.submit("agent", size=100), here.submit("agent", size=50)
    ended = here.finish(job, random.Random(seed))
    here.finish(half, None)
    assert here.system.engine.result(ended) == 100
    names = [f"{kind}#{number}" if number > 1 else kind for kind in ("model", "tool") for number in range(1, 51)]
    assert here.charges([job]) == sorted(names)
    assert here.kills >= 10
    whole, part = space(here.system.store, job), space(here.system.store, half)
    assert (whole.rows, part.rows) == (100, 50), "a row for each call, whatever was killed"
    assert whole.bytes == pytest.approx(2 * part.bytes, rel=0.02)


@pytest.mark.parametrize(("place", "count"), [
    pytest.param("sqlite+redis", 60, id="sqlite+redis-60"),
    pytest.param("sqlite+redis", 1000, id="sqlite+redis-1000", marks=at_length),
    pytest.param("postgresql+rabbitmq", 1000, id="postgresql+rabbitmq-1000", marks=at_length),
    pytest.param("mariadb+redis", 1000, id="mariadb+redis-1000", marks=at_length),
], indirect=["place"])  # fmt: skip
def test_two_senders_are_heard_in_order_each_message_once(here: Walk, place: Backend, count: int) -> None:
    job, dice = here.submit("inbox", size=2 * count), random.Random(count)
    senders = [Sender(here, job, name, count) for name in ("ann", "bob")]

    def disturb() -> None:
        for sender in senders:
            if dice.random() < 0.5:
                sender.kill()
            sender.start()

    ended = here.finish(job, dice, most=60 if count < 100 else 300, meanwhile=disturb)
    heard = here.system.engine.result(ended)
    for name in ("ann", "bob"):
        assert [line for line in heard if line.startswith(name)] == [f"{name} {number}" for number in range(count)]
    assert len(heard) == 2 * count
    assert here.kills >= 2
