"""What attempts have set aside of budgets. Each part is settled once: by its attempt, or as spent where that is left
behind (case $3), and then nobody hears any more what it took."""

from leadflow.events.model import BudgetReserved, BudgetSettled, Event
from leadflow.plan.looping import call_of


class SetAside:
    """What is set aside now."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, int], BudgetReserved] = {}

    def hears(self, event: Event) -> bool:
        """Note an event; False: it settles what is settled already, and is not to be told."""
        if isinstance(event, BudgetReserved):
            self._parts[event.path, event.attempt] = event
        elif isinstance(event, BudgetSettled):
            return self._parts.pop((event.path, event.attempt), None) is not None
        return True

    def spent(self, call: str | None = None) -> list[BudgetSettled]:
        """That all of it is spent, which is to be told.

        Args:
            call: the path of the call that is left behind; None: all of them are.
        """
        left = [one for one in self._parts.values() if call is None or call_of(one.path) == call]
        return [BudgetSettled(one.path, one.attempt, one.money, one.tokens, is_estimated=True) for one in left]
