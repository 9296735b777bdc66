"""The HTTP API: thin routes over the engine, one file per noun."""
