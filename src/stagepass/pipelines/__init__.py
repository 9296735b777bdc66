"""The pipelines that come with Stagepass: one folder each, found by themselves."""
