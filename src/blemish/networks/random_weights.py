"""Networks without random weights: for those whose weights follow from a file."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

DRAWS = (  # those of nn.init that reach a mode themselves; the others do by the tensor's
    Tensor.normal_,
    Tensor.uniform_,
    nn.init.normal_,
    nn.init.uniform_,
    nn.init.kaiming_normal_,
    nn.init.kaiming_uniform_,
)


class WithoutRandomWeights(TorchFunctionMode):
    """While it is open, networks get no random weights: drawing them takes longer than reading those that follow.

    What is drawn from a normal or uniform distribution stays as it was in memory, and torch's generator where it was.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func in DRAWS:
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))
