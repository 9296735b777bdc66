"""chapters, run in this process with a database of its own."""

from examples.chapters.pipeline import chapters

from stagepass.testing import Lab


def test_counts_each_chapter_and_names_the_one_that_failed() -> None:
    with Lab(chapters) as lab:
        job = lab.run({"text": "one two\n\na forbidden thing\n\nthree four five"})
        assert lab.result(job) == {"words": 5, "failed": [1]}
        assert sorted(lab.ran) == ["count[0]", "count[1]", "count[2]", "report", "split"]


def test_a_list_without_items_is_a_stage_without_work() -> None:
    with Lab(chapters) as lab:
        job = lab.run({"text": "\n\n"})
        assert lab.result(job) == {"words": 0, "failed": []}
