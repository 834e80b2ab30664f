"""Random numbers from a seed and a position, without a generator that has a state.

The number at a position does not depend on which others were asked for, in which order, in
which batch or on which device. So a stream draws the same whoever its neighbours are, a
chunk draws what one run over everything would have drawn, and a CUDA graph can draw anew at
each replay.

The bits are those of SplitMix64 (Steele, Lea and Flood, 2014): a counter through a mixer
that passes the usual statistical tests.
"""

from voice_agent.engines.chatterbox.tensors import Tensor, torch

_WEYL = -0x61C8864680B583EB  # 2**64 / golden ratio, as a signed number
_MIX = ((30, -0x40A7B892E31B1A47), (27, -0x6B2FB644ECCEEE15))
_UNIT = 2.0**-24  # a float32 keeps 24 bits


def uniform(seed: Tensor, position: Tensor) -> Tensor:
    """Numbers in (0, 1), never 0 and never 1.

    Args:
        seed: int64 of any shape.
        position: int64 that broadcasts with it; not negative.

    Returns:
        float32 of the broadcast shape.
    """
    # the seed is mixed first: close seeds must not give shifted copies of one sequence
    bits = _mixed(_mixed(seed * _WEYL) + (position + 1) * _WEYL)
    return (_shifted(bits, 40).to(torch.float32) + 0.5).clamp_(max=2.0**24 - 1) * _UNIT


def exponential(seed: Tensor, position: Tensor) -> Tensor:
    """Exponentially distributed numbers of mean 1; arguments as for `uniform`."""
    return -torch.log(uniform(seed, position))


def normal(seed: Tensor, position: Tensor) -> Tensor:
    """Normally distributed numbers of mean 0 and variance 1; arguments as for `uniform`."""
    radius = torch.sqrt(-2.0 * torch.log(uniform(seed, 2 * position)))
    return radius * torch.cos((2.0 * torch.pi) * uniform(seed, 2 * position + 1))


def _mixed(bits: Tensor) -> Tensor:
    for shift, factor in _MIX:
        bits = _shifted(bits, shift).bitwise_xor_(bits).mul_(factor)
    return _shifted(bits, 31).bitwise_xor_(bits)


def _shifted(bits: Tensor, n_bits: int) -> Tensor:
    """Shifted right with zeros coming in: torch copies the sign."""
    return (bits >> n_bits).bitwise_and_((1 << (64 - n_bits)) - 1)
