"""The command line: ``stagepass``. One file per group of commands; what is heavy is imported when a command runs."""
