"""Runs a state machine: calls in any order that its rules allow, a shorter one where a longer one fails."""

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.effort import SEED


def run_machine(kind: type[RuleBasedStateMachine], *, examples: int, steps: int, **of_test: object) -> None:
    """Run a machine that has what belongs to one test, such as its way to a server.

    Args:
        kind: the machine's class.
        examples: how many runs there are.
        steps: how many calls in each, at most.
        of_test: attributes of the class for this test alone.
    """
    machine = type("Machine", (kind,), of_test)
    run_state_machine_as_test(
        seed(SEED)(machine),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
