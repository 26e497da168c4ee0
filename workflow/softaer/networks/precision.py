"""Half precision: products of matrices with 8 bits of mantissa, where the processor has them."""

import torch

from softaer.core.experiment import Precision


def computed(precision: Precision, device: torch.device) -> Precision:
    """The precision that products have on a device.

    A device without instructions for bfloat16 would be slower with it than without, and oneDNN
    refuses its recurrent layers. So products have float32 there.
    """
    if precision == "float32":
        return precision
    if device.type == "cuda":
        has = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        onednn = torch.backends.mkldnn.is_available()
        has = onednn and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return precision if has else "float32"
