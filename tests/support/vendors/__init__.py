"""Local servers that speak the vendors' protocols over real sockets; each runs from the command line too."""
