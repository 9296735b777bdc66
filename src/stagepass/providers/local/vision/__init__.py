"""Classifies a photo on this machine: EfficientNet-Lite0, with weights from a package, computed with NumPy."""

from stagepass.providers.local.vision.classifier import Classifier, Guess, centre, opened

__all__ = ["Classifier", "Guess", "centre", "opened"]
