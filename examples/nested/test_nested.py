"""nested, run in this process with a database of its own."""

from examples.nested.pipeline import dinner, kitchen

from stagepass.engine.model.filters import JobFilter
from stagepass.testing import Lab


def test_each_dish_is_a_job_of_the_kitchen() -> None:
    with Lab([dinner, kitchen]) as lab:
        job = lab.run({"dishes": ["soup", "noodles"]}, pipeline="dinner")
        assert lab.result(job) == "hot soup on a plate, hot noodles on a plate"
        parents = {child.parent for child in lab.engine.jobs(JobFilter(None, pipeline="kitchen"))}
        assert parents == {f"{job.id}.course.0", f"{job.id}.course.1"}
