"""The page: small, alone, the same again, and nothing that comes from outside breaks it."""

import re
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backtest import report
from services.backtest.report.json_file import as_json
from services.backtest.report.page import ASSETS, SECTIONS, page_of
from services.backtest.report.page.markup import VOID, Column, Markup, escaped, table, tag
from services.backtest.result import Backtest, Run
from services.backtest.statistics import figures_of
from shared.domain.timeframes import HOUR_NS
from tests.backtest.believable import backtest
from tests.backtest.odd_runs import ODD_TEXTS, odd_runs
from tests.examples import examples

pytestmark = pytest.mark.long

MOST_BYTES = 1_500_000
IMPLIED = {"tr", "td", "th"}  # whose end HTML lets one leave out


class Reader(HTMLParser):
    """Notes elements, attributes and faults of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.faults: list[str] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag in IMPLIED:
            while self.open and self.open[-1] in IMPLIED and (tag == "tr" or self.open[-1] != "tr"):
                self.open.pop()
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open[-1] in IMPLIED and self.open[-1] != tag:
            self.open.pop()
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> ends nothing")

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def of(self, name: str) -> list[dict[str, str | None]]:
        """Attributes of all elements of this name."""
        return [attributes for tag, attributes in self.seen if tag == name]


def page(made: Backtest) -> str:
    return page_of(made, figures_of(made.run))


def wrapped(run: Run) -> Backtest:
    return Backtest(run=run, variants=(), digest="d" * 64)


@pytest.fixture(scope="module")
def usual() -> Backtest:
    return backtest()


@pytest.mark.wide
def test_five_years_by_the_hour_with_five_thousand_trades_fit_into_one_page() -> None:
    made = backtest(days=1826, trades=5000)
    text = page(made)
    assert len(text.encode()) < MOST_BYTES
    assert text.count("<tr><th scope=row>") > 5000
    assert "trades.csv has them all" not in text


def test_more_trades_than_fit_are_cut_to_the_largest_and_the_page_says_so() -> None:
    made = backtest(days=60, trades=200)
    run = msgspec.structs.replace(
        made.run, trades=made.run.trades * 60, fills=made.run.fills * 30, halts=made.run.halts * 99
    )
    text = page(msgspec.structs.replace(made, run=run))
    assert len(text.encode()) < MOST_BYTES
    assert re.search(r"The [\d,]+ of 12,000 trades that made or lost most; trades.csv has them all", text)
    assert re.search(r"The first [\d,]+ of [\d,]+ are here", text)


def test_a_thousand_pairs_fit_into_one_page(usual: Backtest) -> None:
    coverage = tuple(
        msgspec.structs.replace(usual.run.coverage[0], symbol=f"COIN{number}/USDT") for number in range(1000)
    )
    trades = tuple(
        msgspec.structs.replace(trade, symbol=f"COIN{number}/USDT")
        for number, trade in enumerate(usual.run.trades * 20)
    )
    held = {f"COIN{number}/USDT": [1.0 * number] * len(usual.run.exposure.day_ns) for number in range(1000)}
    exposure = msgspec.structs.replace(usual.run.exposure, pairs=held, sectors=held)
    run = msgspec.structs.replace(usual.run, coverage=coverage, trades=trades, exposure=exposure)
    assert len(page(wrapped(run)).encode()) < MOST_BYTES


def test_fifty_thousand_halts_fit_into_one_page(usual: Backtest) -> None:
    halts = tuple(
        msgspec.structs.replace(
            halt, begin_ns=halt.begin_ns + index * HOUR_NS // 20, symbol="" if index % 2 else "X/USDT"
        )
        for index, halt in enumerate(usual.run.halts * (50_000 // len(usual.run.halts)))
    )
    assert len(page(wrapped(msgspec.structs.replace(usual.run, halts=halts))).encode()) < MOST_BYTES


def test_the_page_asks_for_nothing_from_anywhere(usual: Backtest) -> None:
    read = Reader(page(usual))
    for name, attributes in read.seen:
        assert not {"src", "srcset", "data", "action", "ping"} & attributes.keys(), name
        assert (attributes.get("href") or "#").startswith("#"), name
    assert not {"link", "img", "iframe", "object", "embed", "base"} & {name for name, _ in read.seen}
    style = (ASSETS / "page.css").read_text() + (ASSETS / "uplot" / "uPlot.min.css").read_text()
    assert "url(" not in style
    assert "@import" not in style
    script = (ASSETS / "page.js").read_text()
    assert not re.search(r"fetch\(|XMLHttpRequest|import\(|WebSocket|https?:", script)
    (policy,) = [meta["content"] for meta in read.of("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_the_licence_of_the_charts_is_on_the_page(usual: Backtest) -> None:
    text = page(usual)
    assert "Copyright (c) 2022 Leon Sorokin" in text
    assert "uPlot (v1.6.32)" in text


def test_the_same_backtest_gives_the_same_bytes() -> None:
    first, again = backtest(), backtest()
    assert page(first) == page(again)
    assert as_json(first, figures_of(first.run)) == as_json(again, figures_of(again.run))


@given(run=odd_runs())
@examples(100)
def test_the_page_of_any_run_is_whole_and_has_every_section(run: Run) -> None:
    text = page(wrapped(run))
    read = Reader(text)
    assert read.faults == []
    assert read.open == []
    assert [each["id"] for each in read.of("section")] == [key for key, *_ in SECTIONS]
    assert len(read.of("script")) == 3
    assert not re.search(r"\bnan\b|\binf\b|NaN|Infinity", re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL))


@given(text=st.text() | st.sampled_from(ODD_TEXTS))
@examples(200)
def test_what_comes_from_outside_stays_text(text: str) -> None:
    read = Reader(str(tag("p", text, title=text)))
    assert [name for name, _ in read.seen] == ["p"]
    shown = "".join(read.text)
    assert "<" not in escaped(text)
    shown = shown.replace("\N{NO-BREAK SPACE}%", " %")
    text = text.replace("\N{NO-BREAK SPACE}%", " %")
    assert len(shown) == len(text)
    assert all(after in (before, "\N{REPLACEMENT CHARACTER}") for before, after in zip(text, shown, strict=True))


def test_a_halt_with_markup_as_its_reason_is_told_as_text(usual: Backtest) -> None:
    evil = "</td><script>alert(1)</script><img src=x onerror=alert(1)>"
    halts = tuple(msgspec.structs.replace(halt, reason=evil, symbol=evil, trigger=evil) for halt in usual.run.halts)
    read = Reader(page(wrapped(msgspec.structs.replace(usual.run, halts=halts))))
    assert len(read.of("script")) == 3
    assert read.of("img") == []
    assert evil in "".join(read.text)


def test_headings_captions_and_text_alternatives_are_all_there(usual: Backtest) -> None:
    read = Reader(page(usual))
    assert len(read.of("h1")) == 1
    assert len(read.of("h2")) == len(SECTIONS)
    assert len(read.of("caption")) == len(read.of("table"))
    assert all(svg["role"] == "img" and svg["aria-label"] for svg in read.of("svg"))
    assert all(cell.get("scope") in ("col", "row") for cell in read.of("th"))
    targets = {link["href"] for link in read.of("a")}
    assert targets == {f"#{key}" for key, *_ in SECTIONS}
    html = [attributes for name, attributes in read.seen if name == "html"]
    assert html == [{"lang": "en"}]


def test_without_scripts_there_is_a_drawing_for_every_live_chart(usual: Backtest) -> None:
    text = page(usual)
    for key in ("nav", "drawdown", "market", "heat", "utilisation"):
        figure = text[text.index(f'data-plot="{key}"') :]
        assert "<svg" in figure[: figure.index("</figure>")]


def test_a_table_says_how_many_rows_it_left_out() -> None:
    rows = [("a" * 50, "1") for _ in range(10)]
    made = table("Rows.", (Column("name"), Column("n", "number")), rows, most_bytes=300)
    assert "The first 4 of 10 are here" in made
    assert "none" in table("Rows.", (Column("name"),), [])


def test_markup_is_not_escaped_twice() -> None:
    assert tag("p", "5 < 6", tag("b", "so")) == "<p>5 &lt; 6<b>so</b></p>"
    assert tag("br") == "<br>"
    assert tag("p", Markup("&amp;"), hidden=True, class_="") == "<p hidden>&amp;</p>"


def test_the_page_is_called_by_its_name() -> None:
    assert report.PAGE == "report.html"
