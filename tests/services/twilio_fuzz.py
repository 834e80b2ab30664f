"""Random messages on telephone streams of a real service: ``make fuzz-calls``.

A call either survives them, which is heard, or is closed with a code that means what it was.
"""

import sys

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.services.conftest import RunningService, running
from tests.services.telephoning import in_a_call, metric, until_free
from tests.twilio_messages import any_message

# `stop`, a second `start`, text that is no UTF-8, a message over 64 KiB
DOCUMENTED = {1000, 1008, 1007, 1009}
_A_CALL = 20


def fuzz(service: RunningService, n_messages: int) -> None:
    """Sends so many messages, 20 in a call; raises AssertionError at the first surprise."""

    @settings(
        max_examples=n_messages // _A_CALL,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.lists(any_message(), min_size=_A_CALL, max_size=_A_CALL))
    def survives(messages: list[str | bytes]) -> None:
        with in_a_call(service, "CAfuzz") as line:
            line.send(*messages)
            if not line.hears():
                assert line.close_code() in DOCUMENTED
        until_free(service)

    survives()


def main() -> int:
    """Returns the exit code."""
    n_messages = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with running("echo", TWILIO__INSECURE="true") as service:
        fuzz(service, n_messages)
        errors = [line for line in service.log if "ERROR" in line]
        skipped = metric(service, "voice_agent_call_messages_skipped_total")
    print(f"{n_messages} messages, {skipped:.0f} skipped, {len(errors)} errors")  # noqa: T201
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
