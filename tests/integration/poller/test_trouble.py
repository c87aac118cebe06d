"""Trouble in the shared poll is never an outcome, and stays with those whom it strikes."""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter
from contextlib import suppress
from itertools import pairwise

import httpx
import pytest

from airflow_provider_aicore.api import (
    AICoreError,
    APIStatusError,
    AuthenticationError,
    ExecutionStatus,
    InvalidServiceKeyError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
)
from airflow_provider_aicore.emulator import (
    Answer,
    ConnectionLost,
    MalformedJson,
    Progress,
    credentials_refused,
    too_many_requests,
    unavailable,
)
from tests.outage import FAULTS, LOOK, LOOK_OF_ANY_KIND, TEN_MINUTES, Outage, as_gateways_do
from tests.together import RUNNING, kind

COMPLETED = ExecutionStatus.COMPLETED
MANY = 10
SOME = Progress.by_clock(unknown=10, pending=10, running=200)


def statuses(ended):
    """Give how waits ended: a status, or the class of an error."""
    return {getattr(each, "status", type(each)) for each in ended}


@pytest.mark.parametrize("number", [2, MANY])
@pytest.mark.parametrize(
    "trouble",
    [unavailable(), ConnectionLost(), too_many_requests(), MalformedJson(), Answer(500)],
    ids=["503", "lost", "429", "malformed", "500"],
)
def test_trouble_is_waited_out(together, emulator, trouble, number, caplog):
    """Failed looks say nothing about the executions, whether they are read or listed; it is told once."""
    ids = together.start(SOME, number)
    emulator.faults.add(trouble, path="/lm/executions", nth=12, times=8)

    assert statuses(together.wait_for_all(ids)) == {COMPLETED}
    assert 1 <= caplog.text.count("says nothing about the execution") <= 2 * number


@pytest.mark.parametrize("trouble", FAULTS)
@as_gateways_do
def test_ten_minutes_of_any_trouble_in_lists_change_no_outcome(together, emulator, clock, trouble):
    """The executions have COMPLETED meanwhile, and so have those who wait for them."""
    ids = together.start(Progress.by_clock(running=300), MANY)
    outage = Outage(emulator, clock, TEN_MINUTES)
    for path, fault in FAULTS[trouble].items():
        outage.strike(LOOK_OF_ANY_KIND if path == LOOK else path, fault)

    assert statuses(together.wait_for_all(ids)) == {COMPLETED}
    assert kind(together.asked[1][1]) == "list"


@pytest.mark.parametrize("number", [1, MANY])
def test_the_error_budget_ends_a_wait_with_the_last_error(together, emulator, number, clock):
    """Without one good answer for the budget the error is given to the caller."""
    ids = together.start(RUNNING, number)
    emulator.faults.add(unavailable(), path="/lm/executions", times=None)
    begin = clock.now()

    assert statuses(together.wait_for_all(ids, error_budget=600)) == {ServerError}
    assert 600 <= clock.now() - begin <= 620


def test_each_wait_has_its_own_error_budget(together, emulator):
    """One that bears little leaves; the others see the end of the trouble."""
    first, second = together.start(Progress.by_clock(running=900), 2)
    emulator.faults.add(unavailable(), path="/lm/executions", nth=5, times=12)

    async def main():
        waits = (together.wait(first, error_budget=60), together.wait(second))
        return await asyncio.gather(*waits, return_exceptions=True)

    impatient, patient = together.run(main())

    assert isinstance(impatient, ServerError)
    assert patient.status is COMPLETED


def test_trouble_that_lasts_is_told_every_ten_minutes(together, emulator, caplog):
    """Half an hour of trouble makes three lines for a wait, not one for each look."""
    emulator.faults.add(unavailable(), path="/lm/executions", times=None)
    together.wait_for_all(together.start(RUNNING))

    assert caplog.text.count("says nothing about the execution") == 3


def test_in_trouble_a_group_asks_ever_less_and_one_by_one(together, emulator):
    """An outage is probed with one request at a time, each twice as long after the last, up to a minute."""
    ids = together.start(RUNNING, 3)
    emulator.faults.add(unavailable(), path="/lm/executions", times=None)

    together.wait_for_all(ids, seconds=300)

    times = together.times("read")
    assert [round(after - before) for before, after in pairwise(times[3:])] == [8, 16, 32, 60, 60, 60]


def test_retry_after_is_kept_to(together):
    """After a 429 with `Retry-After` nobody in the group asks for that long; then all goes on."""
    struck: list[float] = []

    async def refuse(request):
        if kind(request) == "list" and not struck and together.clock.now() > together.asked[0][0] + 60:
            struck.append(together.clock.now())
            return httpx.Response(429, headers={"Retry-After": "60"})
        return None

    together.instead = refuse
    assert statuses(together.wait_for_all(together.start(SOME, MANY))) == {COMPLETED}

    after = [at - struck[0] for at, _ in together.asked if at > struck[0]]
    assert min(after) == pytest.approx(60, abs=0.1)


def test_who_comes_while_a_group_keeps_still_for_long_sleeps(together):
    """A wait for which nothing was looked at yet has nothing to say, and takes no turn after the other."""
    first, second = together.start(RUNNING, 2)
    begin = together.clock.now()
    turns = 0

    class Jitter:
        def __call__(self):
            nonlocal turns
            turns += 1
            assert turns < 1000
            return 0.0

    async def refuse(_request):
        is_late = together.clock.now() - begin > 60
        return httpx.Response(429, headers={"Retry-After": "7200"}) if is_late else None

    async def main():
        early = asyncio.create_task(together.wait(first, seconds=9000, error_budget=600, jitter=Jitter()))
        await asyncio.sleep(200)
        late = together.wait(second, seconds=9000, error_budget=600)
        return await asyncio.gather(early, late, return_exceptions=True)

    together.instead = refuse
    ends = together.run(main())

    assert statuses(ends) == {RateLimitedError}, "the pause is ten minutes at most, so that both see it last"


def test_a_slow_group_delays_no_other(together):
    """A resource group that answers after half a minute, or never, costs the others nothing."""

    async def hang(request):
        if request.headers.get("AI-Resource-Group") == "team-a":
            await asyncio.sleep(60)
            raise httpx.ReadTimeout("no answer", request=request)

    def ends(with_a_hanging_group):
        together.clock.time = float(round(together.clock.now() + 1))
        ids = together.start(SOME, MANY)
        begin = together.clock.now()

        async def main():
            hanging = together.start(RUNNING, MANY, group="team-a") if with_a_hanging_group else []
            others = [asyncio.create_task(together.wait(each, connection="team-a")) for each in hanging]
            await asyncio.gather(*(together.wait(each) for each in ids))
            for each in others:
                each.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            return together.clock.now() - begin

        return together.run(main())

    together.instead = hang
    assert ends(with_a_hanging_group=True) == pytest.approx(ends(with_a_hanging_group=False), abs=0.1)


def test_one_slow_execution_delays_no_other(together):
    """Within a group, too, a read that hangs lets the others be looked at."""
    slow, *others = together.start(SOME, 4)

    async def hang(request):
        if request.url.path.endswith(slow):
            await asyncio.sleep(59)

    together.instead = hang
    begin = together.clock.now()
    together.wait_for_all(others)
    alone = together.clock.now() - begin
    slow, *others = together.start(SOME, 4)
    begin = together.clock.now()

    async def main():
        task = asyncio.create_task(together.wait(slow))
        await asyncio.gather(*(together.wait(each) for each in others))
        took = together.clock.now() - begin
        await task
        return took

    assert together.run(main()) == pytest.approx(alone, abs=5)


@pytest.mark.parametrize("number", [2, MANY])
def test_a_refused_resource_group_ends_the_waits_in_it(together, emulator, number):
    """403 does not mend by waiting; other groups go on."""
    forbidden = together.start(RUNNING, number)
    others = together.start(SOME, number, group="team-a")

    async def refuse(request):
        is_refused = request.headers.get("AI-Resource-Group") == "default"
        return httpx.Response(403, text="RBAC: access denied") if is_refused else None

    together.instead = refuse

    async def main():
        refused = [together.wait(each) for each in forbidden]
        waits = refused + [together.wait(each, connection="team-a") for each in others]
        return await asyncio.gather(*waits, return_exceptions=True)

    ended = together.run(main())

    assert statuses(ended[:number]) == {PermissionDeniedError}
    assert statuses(ended[number:]) == {COMPLETED}
    assert (
        sum(request.headers.get("AI-Resource-Group") == "default" for _, request in together.asked)
        <= number + 1
    )


def test_an_unknown_execution_ends_its_own_wait_after_a_minute(together, clock):
    """A 404 is believed when it lasts, and by the wait for that execution alone."""
    ids = together.start(SOME, MANY)
    begin = clock.now()

    async def main():
        async def gone():
            with pytest.raises(NotFoundError):
                await together.wait("e0123456789abcde")
            return clock.now() - begin

        return await asyncio.gather(gone(), *(together.wait(each) for each in ids))

    after, *ended = together.run(main())

    assert 60 <= after <= 95
    assert statuses(ended) == {COMPLETED}


def test_a_404_before_other_trouble_does_not_lengthen_the_error_budget(together, emulator, clock):
    """The wait gives up when its budget is used up, whatever it began with."""
    ids = together.start(RUNNING)
    emulator.faults.add(Answer(404), path="/lm/executions/", times=1)
    emulator.faults.add(unavailable(), path="/lm/executions/", times=None)
    begin = clock.now()

    assert statuses(together.wait_for_all(ids, error_budget=120)) == {ServerError}
    assert 120 <= clock.now() - begin <= 130


def test_an_execution_that_is_not_known_yet_is_waited_for(together, emulator):
    """What was just created may be unknown for a moment."""
    emulator.faults.add(Answer(404), path="/lm/executions/", times=2)

    assert statuses(together.wait_for_all(together.start(SOME))) == {COMPLETED}


def test_another_refusal_ends_its_own_wait(together, emulator):
    """What AI Core calls a bad request does not mend by waiting."""
    first, second = together.start(SOME, 2)
    emulator.faults.add(Answer(418), path=first, times=None)

    ended = together.wait_for_all([first, second])

    assert [type(ended[0]), ended[1].status] == [APIStatusError, COMPLETED]


def test_a_refusal_that_comes_late_ends_no_later_wait(together):
    """One was cancelled while it was looked at, and another has come for the same: that is looked at anew."""
    execution, other = together.start(SOME, 2)
    refused: list[httpx.Request] = []

    async def refuse(request):
        if not refused and request.url.path.endswith(execution):
            refused.append(request)
            await asyncio.sleep(10)
            return httpx.Response(418)
        return None

    async def main():
        beside = asyncio.create_task(together.wait(other))
        cancelled = asyncio.create_task(together.wait(execution))
        await asyncio.sleep(5)
        cancelled.cancel()
        later = asyncio.create_task(together.wait(execution, seconds=600))
        return await asyncio.gather(later, beside)

    together.instead = refuse
    assert statuses(together.run(main())) == {COMPLETED}


def test_one_token_serves_all(together):
    """However many wait, the token is asked for once."""
    together.wait_for_all(together.start(SOME, 4))
    assert together.requests()["token"] == 1


def test_a_refused_token_is_renewed_once_for_all(together):
    """Many requests under way with the same token make one token request when it is refused."""
    used: list[str] = []

    async def refuse(request):
        if kind(request) == "token":
            return None
        await asyncio.sleep(0.1)
        token = request.headers["Authorization"]
        used.append(token)
        is_refused = token == used[0] and len(used) > MANY and kind(request) == "read"
        return httpx.Response(401, text="Jwt is expired") if is_refused else None

    together.instead = refuse
    # All end at once, so that all are read at once.
    assert statuses(together.wait_for_all(together.start(SOME, MANY))) == {COMPLETED}
    assert together.requests()["token"] == 2


def test_refused_credentials_are_looked_up_once_more(together, emulator):
    """If the connection holds other credentials by then, all waits go on with them."""
    yesterday = {**together.service_key, "clientsecret": "of yesterday"}

    async def connect():
        return await together.connect(key=None if together.clients else yesterday)

    ended = together.wait_for_all(together.start(SOME, MANY), connect=connect)

    assert statuses(ended) == {COMPLETED}
    assert len(together.clients) == 2


def test_a_connection_that_cannot_be_had_after_a_refusal_is_asked_for_again(together):
    """Whether the credentials have changed is not known before the connection was looked up."""
    yesterday = {**together.service_key, "clientsecret": "of yesterday"}
    tries = []

    async def connect():
        tries.append(together.clock.now())
        if len(tries) == 2:
            raise RuntimeError("the API server does not answer")
        return await together.connect(key=None if together.clients else yesterday)

    assert statuses(together.wait_for_all(together.start(SOME, 2), connect=connect)) == {COMPLETED}


def test_a_client_that_is_no_better_is_closed(together):
    """A token that is refused for hours makes many look-ups, but no heap of clients."""

    async def refuse(request):
        return None if kind(request) == "token" else httpx.Response(401, text="Jwt issuer is not configured")

    async def main():
        waiting = asyncio.create_task(together.wait(*together.start(RUNNING)))
        await asyncio.sleep(600)
        still_open = [client for client in together.clients if not client._http.is_closed]
        waiting.cancel()
        await asyncio.wait([waiting])
        return still_open

    together.instead = refuse
    assert together.run(main()) == together.clients[:1]
    assert len(together.clients) > 5


def test_the_connection_is_looked_up_again_in_the_context_of_nobody(together):
    """Airflow would count what is looked up there to the trigger that happened to come first."""
    who = contextvars.ContextVar("who", default="nobody")
    looked_up_by = []
    key = {**together.service_key}

    async def connect():
        looked_up_by.append(who.get())
        return await together.connect(key=dict(key))

    async def refuse(request):
        is_late = together.clock.now() - together.asked[0][0] > 50
        return httpx.Response(401) if is_late and kind(request) == "read" else None

    async def wait():
        who.set("a trigger")
        with suppress(AICoreError):
            await together.wait(
                *together.start(RUNNING), connect=connect, interval=300, pending_timeout=60, seconds=90
            )

    together.instead = refuse
    together.run(wait())
    assert looked_up_by == ["nobody"] * len(looked_up_by)
    assert len(looked_up_by) > 1


def test_a_connection_that_leads_elsewhere_by_now_is_not_used(together):
    """An execution is not to be taken for gone because another resource group does not know it."""
    yesterday = {**together.service_key, "clientsecret": "of yesterday"}

    async def connect():
        return await together.connect("team-a") if together.clients else await together.connect(key=yesterday)

    assert statuses(together.wait_for_all(together.start(SOME, 2), connect=connect)) == {AuthenticationError}


@pytest.mark.parametrize("number", [2, MANY])
def test_credentials_that_stay_refused_end_all_waits(together, emulator, number):
    """Refused, looked up again, still the same: nothing to wait for, and no storm on the identity service."""
    ids = together.start(RUNNING, number)
    emulator.faults.add(credentials_refused(), path="/oauth/token", times=None)

    assert statuses(together.wait_for_all(ids)) == {AuthenticationError}
    assert len(together.clients) == 2
    assert together.requests()["token"] <= number


def test_a_bad_connection_ends_its_own_waits(together):
    """A service key that is incomplete is told to those who wait with it."""
    ids = together.start(SOME, 3)

    async def bad():
        raise InvalidServiceKeyError("clientid is missing")

    async def main():
        refused = together.wait(ids[0], connection="bad", connect=bad)
        return await asyncio.gather(refused, *map(together.wait, ids[1:]), return_exceptions=True)

    ended = together.run(main())

    assert statuses(ended[:1]) == {InvalidServiceKeyError}
    assert statuses(ended[1:]) == {COMPLETED}


def test_a_connection_that_cannot_be_had_now_is_asked_for_again(together):
    """Whoever gives the connection may be in trouble, too; it is asked once for all who wait."""
    tries = []

    async def connect():
        tries.append(together.clock.now())
        if len(tries) < 4:
            raise RuntimeError("the API server does not answer")
        return await together.connect()

    assert statuses(together.wait_for_all(together.start(SOME, MANY), connect=connect)) == {COMPLETED}
    assert [at - tries[0] for at in tries] == [0, 30, 60, 90]


def test_many_who_wait_for_a_connection_are_woken_little_by_little(together):
    """Trouble with it is said by each of them, and the event loop goes on meanwhile."""
    turns = 0
    said: Counter[int] = Counter()

    class Log:
        def info(self, *_):
            pass

        def warning(self, *_):
            said[turns] += 1

    async def count_turns():
        nonlocal turns
        for turns in range(40):  # noqa: B007 - it is counted for the log
            await asyncio.sleep(0)

    async def connect():
        if not said:
            counting.append(asyncio.create_task(count_turns()))
            raise RuntimeError("the API server does not answer")
        return await together.connect()

    counting = []
    together.wait_for_all(together.start(RUNNING, 300), connect=connect, log=Log(), seconds=60)

    assert sum(said.values()) == 300
    assert max(said.values()) <= 50


def test_a_connection_that_was_mended_serves_who_comes_then(together):
    """Those to whom it was refused may still be there."""
    ids = together.start(SOME, 3)

    begin = together.clock.now()

    async def connect():
        if together.clock.now() == begin:
            raise InvalidServiceKeyError("clientid is missing")
        return await together.connect()

    async def main():
        early = asyncio.create_task(together.wait(ids[0], connect=connect, first_look_after=100))
        refused = asyncio.create_task(together.wait(ids[1], connect=connect))
        await asyncio.sleep(5)
        later = asyncio.create_task(together.wait(ids[2], connect=connect))
        return await asyncio.gather(refused, later, early, return_exceptions=True)

    refused, later, _ = together.run(main())

    assert isinstance(refused, InvalidServiceKeyError)
    assert later.status is COMPLETED


def test_credentials_that_were_changed_after_a_refusal_serve_who_comes_then(together):
    """The group they were refused to may still be there, for those who have not looked yet."""
    ids = together.start(SOME, 3)
    begin = together.clock.now()

    async def connect():
        is_changed = together.clock.now() - begin > 40
        key = {**together.service_key, **({} if is_changed else {"clientsecret": "of yesterday"})}
        return await together.connect(key=key)

    async def main():
        early = asyncio.create_task(together.wait(ids[0], connect=connect, first_look_after=100))
        refused = asyncio.create_task(together.wait(ids[1], connect=connect))
        await asyncio.sleep(50)
        later = asyncio.create_task(together.wait(ids[2], connect=connect))
        return await asyncio.gather(refused, later, early, return_exceptions=True)

    refused, later, early = together.run(main())

    assert isinstance(refused, AuthenticationError)
    assert later.status is early.status is COMPLETED


def test_a_connection_that_is_never_had_uses_the_error_budget_up(together, clock):
    """The caller gets the error with which it ended."""

    async def connect():
        raise RuntimeError("the API server does not answer")

    begin = clock.now()
    assert statuses(together.wait_for_all(together.start(RUNNING, 2), connect=connect, error_budget=100)) == {
        RuntimeError
    }
    assert clock.now() - begin == pytest.approx(100, abs=1)


def test_each_wait_raises_an_error_of_its_own(together, emulator):
    """One that all raise would gather the tracebacks of all."""
    emulator.faults.add(too_many_requests(), path="/lm/executions", times=None)
    ended = together.wait_for_all(together.start(RUNNING, 3), error_budget=60)

    assert statuses(ended) == {RateLimitedError}
    assert len({id(each) for each in ended}) == 3
