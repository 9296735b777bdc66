"""EfficientNet-Lite0 (Tan and Le, 2019; the Lite variants, 2020) as an ONNX graph with given weights.

A normalisation after a convolution is folded into the convolution's weights.
"""

from collections.abc import Mapping

import numpy as np

from stagepass.providers.local.vision import onnx
from stagepass.providers.local.vision.onnx import Array

SIDE = 224
"""Pixels of a picture's width and height."""

INPUT, OUTPUT = "pictures", "shares"
"""(picture, 3, 224, 224) with values about -1 to 1; (picture, 1000), each row with the sum 1."""

_EPSILON = 1e-3
_CLASSES = 1000
# repeats, kernel, stride, expansion
_STAGES = ((1, 3, 1, 1), (2, 3, 2, 6), (2, 5, 2, 6), (3, 3, 2, 6), (3, 5, 1, 6), (4, 5, 2, 6), (1, 3, 1, 6))


def graph(tensors: Mapping[str, Array]) -> bytes:
    """The network as the content of an ONNX file."""
    writer = _Writer(tensors)
    name, side = writer.convolution("_conv_stem", "_bn0", INPUT, kernel=3, stride=2, side=SIDE)
    name = writer.relu6(name)
    number = 0
    for repeats, kernel, stride, expansion in _STAGES:
        for repeat in range(repeats):
            name, side = writer.block(
                number, name, side, kernel=kernel, stride=1 if repeat else stride, expand=expansion > 1, add=repeat > 0
            )
            number += 1
    name, _ = writer.convolution("_conv_head", "_bn1", name, kernel=1, stride=1, side=side)
    return writer.finish(writer.relu6(name))


class _Writer:
    def __init__(self, tensors: Mapping[str, Array]) -> None:
        self._tensors = tensors
        self._nodes: list[bytes] = []
        self._weights: dict[str, Array] = {
            "zero": np.array(0.0, np.float32),
            "six": np.array(6.0, np.float32),
            "fc.weight": tensors["_fc.weight"],
            "fc.bias": tensors["_fc.bias"],
        }

    def block(
        self, number: int, source: str, side: int, *, kernel: int, stride: int, expand: bool, add: bool
    ) -> tuple[str, int]:
        """One inverted bottleneck: widen, look around, narrow, and add what came in."""
        at, name = f"_blocks.{number}.", source
        if expand:
            name, side = self.convolution(f"{at}_expand_conv", f"{at}_bn0", name, kernel=1, stride=1, side=side)
            name = self.relu6(name)
        name, side = self.convolution(
            f"{at}_depthwise_conv", f"{at}_bn1", name, kernel=kernel, stride=stride, side=side
        )
        name, side = self.convolution(
            f"{at}_project_conv", f"{at}_bn2", self.relu6(name), kernel=1, stride=1, side=side
        )
        return (self._node("Add", [name, source], f"{name}.sum") if add else name), side

    def convolution(
        self, weight: str, norm: str, source: str, *, kernel: int, stride: int, side: int
    ) -> tuple[str, int]:
        """Returns the output's name, and its side in pixels."""
        scale = self._tensors[f"{norm}.weight"] / np.sqrt(self._tensors[f"{norm}.running_var"] + _EPSILON)
        folded = self._tensors[f"{weight}.weight"] * scale[:, None, None, None]
        self._weights[f"{weight}.w"] = folded
        self._weights[f"{weight}.b"] = self._tensors[f"{norm}.bias"] - self._tensors[f"{norm}.running_mean"] * scale
        out = -(-side // stride)
        missing = max(0, (out - 1) * stride + kernel - side)  # as TensorFlow's SAME: what is odd goes behind
        before, behind = missing // 2, missing - missing // 2
        name = self._node(
            "Conv",
            [source, f"{weight}.w", f"{weight}.b"],
            f"{weight}.out",
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[before, before, behind, behind],
            group=folded.shape[0] if folded.shape[1] == 1 else 1,
        )
        return name, out

    def relu6(self, source: str) -> str:
        return self._node("Clip", [source, "zero", "six"], f"{source}.relu6")

    def finish(self, source: str) -> bytes:
        mean = self._node("Flatten", [self._node("GlobalAveragePool", [source], "mean")], "features", axis=1)
        scores = self._node("Gemm", [mean, "fc.weight", "fc.bias"], "scores", transB=1)
        self._node("Softmax", [scores], OUTPUT, axis=1)
        inputs = [onnx.value(INPUT, ["n", 3, SIDE, SIDE])]
        return onnx.model(self._nodes, self._weights, inputs, [onnx.value(OUTPUT, ["n", _CLASSES])])

    def _node(self, kind: str, inputs: list[str], output: str, **attributes: int | list[int]) -> str:
        self._nodes.append(onnx.node(kind, inputs, output, **attributes))
        return output
