"""hello, run in this process with a database of its own."""

from examples.hello.pipeline import hello

from stagepass.testing import Lab


def test_a_failure_that_passes_costs_one_retry_of_that_stage_only() -> None:
    with Lab(hello) as lab:
        job = lab.run({"name": "World"})
        assert lab.result(job) == {"text": "Hello, World. The sun is out.", "attempts": 2}
        assert lab.ran == ["greeting", "weather", "weather", "card"]
