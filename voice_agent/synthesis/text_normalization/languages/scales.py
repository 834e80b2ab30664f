"""Numbers by groups of three digits, which the languages share."""

LIMIT = 10**15
"""Numbers from here on are not put into words; they are read digit by digit."""


def groups(n: int) -> list[tuple[int, int]]:
    """The non-zero groups of three digits, the highest first, with their power of 1000."""
    found: list[tuple[int, int]] = []
    power = 0
    while n:
        n, group = divmod(n, 1000)
        if group:
            found.append((group, power))
        power += 1
    return found[::-1]
