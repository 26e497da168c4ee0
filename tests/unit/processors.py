"""What this machine's processor can do."""

import pytest
import torch

NEEDS_BFLOAT16 = pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(),
    reason="this processor has no instructions for bfloat16",
)
