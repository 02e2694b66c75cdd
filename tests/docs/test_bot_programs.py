"""The programs for bots of others are run as they are shown, on the simulated exchange and beside real services."""

import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from heatsink_client import Gate

from shared.messages.catalogue import EXECUTED
from shared.messages.orders import OrderFilled
from tests.clients.bot_stack import BotStack, bot_program, bot_stack
from tests.docs.pages import program
from tests.docs.test_client_programs import printed_by
from tests.patience import patiently

pytestmark = pytest.mark.processes


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[BotStack]:
    """On a market of this very moment, for signed requests are dated by the clock of the machine."""
    with bot_stack(tmp_path, speed=1.0) as stack:
        yield stack


@pytest.mark.chaos
@pytest.mark.stack(seconds=20)
def test_the_program_for_ccxt_buys_what_was_approved_protects_it_and_reports_both(
    stack: BotStack, tmp_path: Path
) -> None:
    source = program("ccxt_bot.py")
    assert len([line for line in source.splitlines() if line]) <= 20
    taken, verdict = printed_by(
        tmp_path / "ccxt_bot.py", source, sys.executable, "ccxt_bot.py", stack.url, stack.exchange_url
    )
    assert taken.startswith("taken ")
    assert verdict.split()[0] in ("approve", "trim")
    with Gate(stack.url) as gate:
        patiently(lambda: gate.portfolio().positions and not gate.portfolio().open_orders)
        [position] = gate.portfolio().positions
    fills = [message for message in stack.latest(EXECUTED) if isinstance(message, OrderFilled)]
    assert position.quantity == sum((fill.quantity for fill in fills), Decimal(0))
    assert position.stop is not None
    assert stack.coins("yours") == {"ETH/USDT": position.quantity}
    stack.kill("risk")
    [unanswered] = printed_by(
        tmp_path / "ccxt_bot.py", source, sys.executable, "ccxt_bot.py", stack.url, stack.exchange_url
    )
    assert unanswered.startswith("unknown ")
    assert stack.coins("yours") == {"ETH/USDT": position.quantity}, "nothing is sent without an approval"


@pytest.mark.chaos
@pytest.mark.stack(seconds=20)
def test_the_strategy_for_nautilus_asks_before_it_submits_in_its_own_engine(stack: BotStack, tmp_path: Path) -> None:
    python = bot_program("python")
    source = program("nautilus_bot.py")
    lines = printed_by(
        tmp_path / "nautilus_bot.py", source, str(python), "nautilus_bot.py", stack.url, stack.exchange_url
    )
    buys, sells = ([line.split() for line in lines if line.startswith(side)] for side in ("BUY", "SELL"))
    assert len(buys) == 5
    assert {words[5] for words in buys} == {"trim"}  # it wants a thousand, and gets what is allowed
    assert {words[5] for words in sells} == {"approve"}
    fills = [message for message in stack.latest(EXECUTED) if isinstance(message, OrderFilled)]
    assert [(fill.side, fill.quantity) for fill in fills] == [
        (words[0].lower(), Decimal(words[4])) for words in map(str.split, lines)
    ]
    with Gate(stack.url) as gate:
        held = sum((fill.quantity * (1 if fill.side == "buy" else -1) for fill in fills), Decimal(0))
        patiently(lambda: sum((p.quantity for p in gate.portfolio().positions), Decimal(0)) == held)
        assert not gate.halts()


def test_the_program_for_freqtrade_puts_the_mixin_before_a_strategy(tmp_path: Path) -> None:
    """``tests/clients/test_freqtrade.py`` runs such a class in freqtrade."""
    (tmp_path / "my_strategy.py").write_text("class MyStrategy:\n    pass\n", "utf-8")
    shown = "print([base.__name__ for base in MyStrategyBehindHeatsink.__bases__])\n"
    [bases] = printed_by(tmp_path / "behind.py", program("behind.py") + shown, sys.executable, "behind.py")
    assert bases == "['BehindHeatsink', 'MyStrategy']"
