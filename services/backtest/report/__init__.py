"""The report of a backtest: one page, JSON and CSV, all made of the same figures.

report.write(backtest, Path("backtests/2026-11-28"))
"""

from pathlib import Path

from services.backtest.report.csv_files import as_csv
from services.backtest.report.json_file import as_json
from services.backtest.report.page import page_of
from services.backtest.result import Backtest
from services.backtest.statistics import figures_of
from shared.adapters.whole_files import write_whole

PAGE, JSON = "report.html", "report.json"


def write(backtest: Backtest, folder: Path) -> list[Path]:
    """Write all files into the folder, which is made; returns their paths. Each is there whole, or as it was before."""
    figures = figures_of(backtest.run)
    files = {
        PAGE: page_of(backtest, figures).encode(),
        JSON: as_json(backtest, figures),
        **as_csv(backtest, figures),
    }
    folder.mkdir(parents=True, exist_ok=True)
    return [write_whole(folder / name, content) for name, content in files.items()]
