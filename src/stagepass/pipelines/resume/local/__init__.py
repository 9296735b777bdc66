"""The local analyser: questions and a plan without a model or a network."""
