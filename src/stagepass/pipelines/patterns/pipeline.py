"""The four patterns, each in the file of its name."""

from stagepass.pipelines.patterns.chain import chain
from stagepass.pipelines.patterns.group import group
from stagepass.pipelines.patterns.mapped import mapped
from stagepass.pipelines.patterns.solo import solo

__all__ = ["chain", "group", "mapped", "solo"]
