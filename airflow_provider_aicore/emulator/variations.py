"""How answers may vary without a change in what they say: order, null fields, new fields."""

from random import Random
from typing import Any

from airflow_provider_aicore.emulator.options import Options
from airflow_provider_aicore.emulator.render import Shape

EXTRA_FIELD = "addedByTheEmulator"


class Variations:
    """Varies the JSON of answers as the options ask for."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._order = None if options.list_order_seed is None else Random(options.list_order_seed)

    def vary(self, body: dict[str, Any]) -> dict[str, Any]:
        """Give the answer in its variation; without such options it is the same."""
        if self._order is not None and "resources" in body:
            resources = list(body["resources"])
            self._order.shuffle(resources)
            body = {**body, "resources": resources}
        if self._options.null_fields or self._options.extra_field:
            body = self._varied(body)
        return {**body, EXTRA_FIELD: {}} if self._options.extra_field else body

    def _varied(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._varied(each) for each in value]
        if not isinstance(value, dict):
            return value
        varied = {name: self._varied(each) for name, each in value.items()}
        if not isinstance(value, Shape):
            return varied  # Perhaps the inside of a field without a form of its own.
        nulls = dict.fromkeys(value.absent) if self._options.null_fields else {}
        extra: dict[str, Any] = {EXTRA_FIELD: {}} if self._options.extra_field else {}
        return {**nulls, **varied, **extra}
