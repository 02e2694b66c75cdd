"""``BehindHeatsink``: put it before a freqtrade strategy, and heatsink's gate is asked before anything is bought."""

import logging
from datetime import datetime
from pathlib import Path
from typing import Any

from heatsink_client import Gate
from heatsink_client.desk import DEFAULT_URL

from heatsink_freqtrade.asking import Asking
from heatsink_freqtrade.books import FreqtradeBooks

LOG = logging.getLogger(__name__)
TRADES = ("live", "dry_run")  # the run modes that ask; a backtest has no gate to ask
AT_ONCE = 1e-6  # a stop so little below the price, as a fraction of it, sells
BELOW = 1e-10  # freqtrade rounds stops up to the next tick: from a hair below it to the tick itself


class ConfigurationError(Exception):
    """freqtrade is set up so that orders would pass heatsink by. Trading does not start."""


class BehindHeatsink:
    """Before a strategy, among its bases::

        class MyStrategyBehindHeatsink(BehindHeatsink, MyStrategy):
            pass

    Its callbacks call those of the strategy first, and then ask the gate. freqtrade gives all arguments by name: a
    callback names those that it looks at, and hands the others on in ``about``. In freqtrade's configuration::

        "heatsink": {"url": "redis://...", "portfolio": "main", "strategy": "freqtrade", "timeout": 5}

    url: what ``heatsink url`` prints; better from ``FREQTRADE__HEATSINK__URL`` in the environment: it holds a password.
    strategy: what its orders are proposed under. timeout: seconds for an answer.
    """

    use_custom_stoploss = True
    _asking: Asking | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = sorted(set(vars(cls)) & _GATED)
        if own:
            raise TypeError(
                f"{cls.__name__} defines {', '.join(own)}, which would take the place of heatsink's. Put yours into a "
                f"strategy of its own, and name that after BehindHeatsink: class {cls.__name__}(BehindHeatsink, Yours)"
            )
        before = [
            base.__name__ for base in cls.__mro__[: cls.__mro__.index(BehindHeatsink)] if set(vars(base)) & _GATED
        ]
        if before:
            raise TypeError(f"{cls.__name__}: BehindHeatsink has to stand before {', '.join(before)}")

    # --- the loop -----------------------------------------------------------------------------------------------------

    def bot_start(self, **kwargs: Any) -> None:
        super().bot_start(**kwargs)  # type: ignore[misc]
        if self._runs():
            self._check()
            self._asking = self._begin()

    def _runs(self) -> bool:
        return str(getattr(self.config["runmode"], "value", self.config["runmode"])) in TRADES  # type: ignore[attr-defined]

    def _check(self) -> None:
        """Raises ``ConfigurationError`` for whatever would trade without asking."""
        from freqtrade.strategy import IStrategy

        config: dict[str, Any] = self.config  # type: ignore[attr-defined]
        faults = [
            (config.get("trading_mode", "spot") != "spot", 'trading_mode: heatsink trades spot; write "spot"'),
            (config["stake_currency"] != "USDT", 'stake_currency: heatsink counts in USDT; write "USDT"'),
            (not self.use_custom_stoploss, "use_custom_stoploss: heatsink's stops need it; take false out"),
            (
                getattr(self, "position_adjustment_enable", False),
                "position_adjustment_enable: freqtrade confirms no additional purchases; set it to false",
            ),
        ]
        for name in ("adjust_entry_price", "adjust_order_price"):
            mine = getattr(type(self), name, None)
            faults.append((mine is not getattr(IStrategy, name, None), f"{name}: freqtrade confirms no replaced order"))
        found = [fault for is_so, fault in faults if is_so]
        if found:
            raise ConfigurationError("; ".join(found))

    def _begin(self) -> Asking:
        config: dict[str, Any] = self.config  # type: ignore[attr-defined]
        mine: dict[str, Any] = config.get("heatsink", {})
        url = str(mine.get("url") or DEFAULT_URL)
        self._name = str(mine.get("strategy") or "freqtrade")
        gate = Gate(
            url,
            portfolio=str(mine.get("portfolio") or "main"),
            strategy=self._name,
            timeout=float(mine.get("timeout") or 5.0),
        )
        is_dry_run = bool(config["dry_run"])
        journal = Path(config["user_data_dir"]) / f"heatsink.{self._name}.{'dryrun' if is_dry_run else 'live'}.sqlite"
        books = FreqtradeBooks(
            self.dp._exchange,  # type: ignore[attr-defined]
            is_dry_run=is_dry_run,
            stops_at_exchange=bool(self.order_types.get("stoploss_on_exchange")),  # type: ignore[attr-defined]
        )
        return Asking(gate, journal, books)

    def ft_bot_cleanup(self) -> None:
        super().ft_bot_cleanup()  # type: ignore[misc]
        if self._asking is not None:
            self._asking.close()

    def bot_loop_start(self, current_time: datetime, **kwargs: Any) -> None:
        if self._asking is not None:
            self._asking.round()
        super().bot_loop_start(current_time=current_time, **kwargs)  # type: ignore[misc]

    # --- purchases ----------------------------------------------------------------------------------------------------

    def heatsink_stop(self, pair: str, current_time: datetime, current_rate: float) -> float:
        """Where the stop of a purchase is to rest. Define your own in your strategy; this is ``stoploss``."""
        yours = getattr(super(), "heatsink_stop", None)
        if yours is not None:
            return float(yours(pair, current_time, current_rate))
        return current_rate * (1.0 - abs(float(self.stoploss)))  # type: ignore[attr-defined]

    def custom_stake_amount(self, pair: str, current_time: datetime, current_rate: float, **about: Any) -> float:
        when = {"pair": pair, "current_time": current_time, "current_rate": current_rate}
        try:
            wanted = super().custom_stake_amount(**when, **about)  # type: ignore[misc]
            if not self._runs():
                return float(wanted)
            if self._asking is None or about["side"] != "long" or about["leverage"] != 1.0:
                return 0.0
            return self._asking.stake(
                self._prefix(pair, current_time),
                pair,
                min(float(wanted), about["max_stake"]),
                current_rate,
                least=about["min_stake"] or 0.0,
                stop=self.heatsink_stop(pair, current_time, current_rate),
                is_limit=self.order_types["entry"] == "limit",  # type: ignore[attr-defined]
            )
        except Exception:  # freqtrade would buy what it first thought of
            LOG.exception("%s: nothing is bought", pair)
            return 0.0

    def _prefix(self, pair: str, current_time: datetime) -> str:
        """The beginning of an order's id: one purchase of a pair for one candle."""
        from freqtrade.exchange import timeframe_to_prev_date

        candle = timeframe_to_prev_date(self.timeframe, current_time)  # type: ignore[attr-defined]
        return f"ft-{pair.replace('/', '')[:14]}-{int(candle.timestamp())}-"

    def confirm_trade_entry(self, pair: str, amount: float, **about: Any) -> bool:
        try:
            confirmed = bool(super().confirm_trade_entry(pair=pair, amount=amount, **about))  # type: ignore[misc]
            if not confirmed or not self._runs():
                return confirmed
            return self._asking is not None and self._asking.may_send(pair, amount)
        except Exception:  # freqtrade would take it for a yes
            LOG.exception("%s: nothing is bought", pair)
            return False

    def order_filled(self, pair: str, order: Any, **about: Any) -> None:
        if self._asking is not None:
            self._asking.filled(pair, order.order_id)
        super().order_filled(pair=pair, order=order, **about)  # type: ignore[misc]

    def check_entry_timeout(self, pair: str, order: Any, **about: Any) -> bool:
        if self._asking is not None and self._asking.is_cancelled(pair, order.order_id):
            return True
        return bool(super().check_entry_timeout(pair=pair, order=order, **about))  # type: ignore[misc]

    def check_exit_timeout(self, pair: str, order: Any, **about: Any) -> bool:
        if self._asking is not None and self._asking.is_cancelled(pair, order.order_id):
            return True
        return bool(super().check_exit_timeout(pair=pair, order=order, **about))  # type: ignore[misc]

    # --- sales and stops ----------------------------------------------------------------------------------------------

    def custom_exit(self, pair: str, **about: Any) -> Any:
        if self._asking is not None and self._asking.wants_sold(pair):
            return "heatsink"
        return super().custom_exit(pair=pair, **about)  # type: ignore[misc]

    def confirm_trade_exit(self, pair: str, order_type: str, amount: float, rate: float, **about: Any) -> bool:
        sale = {"pair": pair, "order_type": order_type, "amount": amount, "rate": rate}
        try:
            confirmed = bool(super().confirm_trade_exit(**sale, **about))  # type: ignore[misc]
        except Exception:
            LOG.exception("%s: your confirm_trade_exit failed: sold", pair)
            confirmed = True
        if self._asking is not None and (confirmed or self._asking.wants_sold(pair)):
            self._asking.sell(pair, amount, rate, is_limit=order_type == "limit")
            return True
        return confirmed

    def custom_stoploss(self, pair: str, current_rate: float, after_fill: bool = False, **about: Any) -> float | None:
        """after_fill: freqtrade looks for this name, and calls after a purchase too where it finds it."""
        yours = self._your_stop(pair=pair, current_rate=current_rate, after_fill=after_fill, **about)
        if self._asking is None:
            return yours
        if self._asking.wants_sold(pair):
            return AT_ONCE
        approved = self._asking.stops.approved(pair)
        if approved is None:
            return yours
        heatsinks = max(1.0 - float(approved) * (1.0 - BELOW) / current_rate, AT_ONCE)
        return heatsinks if yours is None else min(abs(yours), heatsinks)

    def _your_stop(self, **about: Any) -> float | None:
        """The strategy's own, as a distance below the price."""
        if not getattr(super(), "use_custom_stoploss", False):
            return None
        try:
            found = super().custom_stoploss(**about)  # type: ignore[misc]
        except Exception:
            LOG.exception("%s: your custom_stoploss failed", about["pair"])
            return None
        return None if not found else abs(float(found))


_GATED = {
    name for name, value in vars(BehindHeatsink).items() if callable(value) and not name.startswith("_")
} - {"heatsink_stop"} | {"use_custom_stoploss"}  # fmt: skip
