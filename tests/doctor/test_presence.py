"""What a process says about itself: enough to compare processes, and never a secret."""

import json

from stagepass.doctor.presence import Presence, fingerprints, without_password
from stagepass.settings import Settings
from tests.doctor.conftest import Stack
from tests.support.waiting import wait_until


def test_a_process_is_there_from_its_start_to_its_end(stack: Stack) -> None:
    presence = Presence(stack.system.sources, "relay").start()
    (row,) = wait_until(lambda: stack.system.store.processes(0), saying="its row")
    assert row.role == "relay"
    assert row.facts["pipelines"] == {**row.facts["pipelines"], "walk": [1]}
    presence.stop()
    assert stack.system.store.processes(0) == []


def test_no_secret_is_in_it(stack: Stack) -> None:
    system = stack.new_system(
        secret_key="a-long-and-secret-key", broker_url="amqp://me:wrong-pass@mq.internal/v", redis_url=stack.redis.url
    )
    stack.sql("DELETE FROM processes")
    presence = Presence(system.sources, "api").start()
    (row,) = wait_until(lambda: stack.system.store.processes(0), saying="its row")
    presence.stop()
    system.close()
    text = json.dumps(row.facts)
    for secret in ("a-long-and-secret-key", "wrong-pass", "mq.internal"):
        assert secret not in text


def test_fingerprints_differ_with_the_setting_and_not_with_the_password() -> None:
    def of(**given: str) -> dict[str, str]:
        return fingerprints(Settings.load(_env_file=None, secret_key="0123456789abcdef", **given))

    one, other = of(broker_url="amqp://me:one@mq/v"), of(broker_url="amqp://me:two@mq/v")
    assert one == other
    assert one["BROKER_URL"] != of(broker_url="amqp://me:one@mq/w")["BROKER_URL"]
    assert without_password("sentinel://:pw@a:1,b:2/mymaster") == "sentinel://a:1,b:2/mymaster"
