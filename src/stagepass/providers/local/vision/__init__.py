"""What is on a photo, told on this machine: EfficientNet-Lite0, its weights from a package, its sums by NumPy."""

from stagepass.providers.local.vision.classifier import Classifier, Guess, opened

__all__ = ["Classifier", "Guess", "opened"]
