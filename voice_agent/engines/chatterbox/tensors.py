"""torch, imported when this module is: only modules that compute import it.

Typed as Any because it is not in the environment that checks the types.
"""

from importlib import import_module
from typing import Any

torch: Any = import_module("torch")
functional: Any = import_module("torch.nn.functional")

Tensor = Any
"""A torch tensor; what it holds is said where it is used."""
