"""What the processes of `forked` need, imported once by their fork server.

Not `stagepass.worker`, which reads the environment when it is imported; that comes after the fork.
"""

from importlib import import_module

from stagepass.pipelines.discover import discover

for _name in (
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.concurrency.prefork",
    "celery.concurrency.thread",
    "celery.worker.consumer",
    "kombu.transport.pyamqp",
    "kombu.transport.redis",
    "stagepass.bootstrap",
    "stagepass.cli.main",
    "stagepass.cli.up",
    "stagepass.descriptors",
    "stagepass.engine.execute.stall_detector",
    "stagepass.health",
    "tests.support.site",
):
    import_module(_name)
discover()
