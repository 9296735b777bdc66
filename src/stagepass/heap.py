"""The memory of a process that runs for long."""

import gc


def settle() -> None:
    """Call once, when all is loaded: what is there by now is left out by the garbage collector.

    A full pass over the modules of a process takes 50 ms and more, and one that comes while the committing thread
    reads a thousand stage runs holds every other thread for as long.
    """
    gc.collect()
    gc.freeze()
