from __future__ import annotations

import pytest

from edgeenh.cuda.sticky import inference_failure
from edgeenh.errors import DeviceLost, InferenceFailed


@pytest.mark.parametrize(
    "message",
    [
        "CUDA failed: CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered",
        "onnxruntime failed on a frame: CUDA failure 700: an illegal memory access was encountered ; GPU=0",
        "CUDA failure 719: unspecified launch failure",
        "tensorrt failed on a frame: Cuda Runtime (misaligned address)",
        "CUDA error: device-side assert triggered",
        "cuStreamSynchronize failed: the launch timed out and was terminated",
        "CUDA_ERROR_ECC_UNCORRECTABLE",
        "cudaErrorIllegalInstruction",
        "cudaErrorLaunchFailure",
    ],
)
def test_an_error_that_stays_is_a_lost_device(message: str) -> None:
    assert type(inference_failure(message)) is DeviceLost
    assert str(inference_failure(message)) == message


@pytest.mark.parametrize(
    "message",
    [
        "CUDA failed: out of memory",
        "CUDA_ERROR_OUT_OF_MEMORY",
        "CUDA failure 2: out of memory",
        "onnxruntime failed on a frame: Got invalid dimensions for input: image",
        "tensorrt failed on a frame: it gave no reason",
        "",
    ],
)
def test_others_may_be_gone_with_the_next_frame(message: str) -> None:
    assert type(inference_failure(message)) is InferenceFailed
