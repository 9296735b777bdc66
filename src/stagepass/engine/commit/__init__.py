"""The one thread of a process that changes the store, and what it can be asked to do."""
