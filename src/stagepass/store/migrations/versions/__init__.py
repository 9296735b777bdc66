"""One file per change, named ``<revision>_<what>.py``; the revisions are numbers that go up by one."""
