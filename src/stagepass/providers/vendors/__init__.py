"""The vendors: one file for each, over plain HTTP. See docs/decisions/0019-vendors-by-plain-http.md."""
