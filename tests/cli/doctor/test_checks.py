"""What the checks of ``heatsink doctor`` make of an exchange's answers."""

from pathlib import Path

import pytest
from aiohttp import web

from services.cli.doctor.checks import exchange
from shared.adapters.clocks import ManualClock
from shared.application.stack import find_stack
from shared.domain.timeframes import MS_NS
from tests.application.test_exchange_reach import server
from tests.samples import T0

SHIPPED = Path(__file__).parents[3] / "deploy" / "config"


@pytest.mark.sockets
@pytest.mark.parametrize(("ahead_seconds", "grade"), [(0.0, "ok"), (30.0, "fail"), (-30.0, "fail")])
async def test_the_clock_is_compared_with_the_answer_that_has_the_time_however_slow_the_pairs_are(
    tmp_path: Path, ahead_seconds: float, grade: str
) -> None:
    clock = ManualClock(T0)

    def answer(request: web.Request) -> web.Response:
        if request.path == "/api/v3/time":
            return web.json_response({"serverTime": clock.now_ns() // MS_NS - int(ahead_seconds * 1000)})
        clock.time_ns += 5_000_000_000
        return web.json_response({"symbols": []})

    async with server(answer) as url:
        environ = {"HEATSINK_EXCHANGE__URL": url}
        stack = find_stack(redis_url=None, config_dir=SHIPPED, data_dir=tmp_path, environ=environ)
        found = {finding.subject: finding for finding in await exchange(stack, clock)}
    assert found["clock"].grade == grade
