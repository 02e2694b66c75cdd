"""``make bench``: every figure as a ratio against a yardstick measured in the same run, where there is one."""

from tests.bench import backtest, burst, decision, redis_path

for bench in (decision, redis_path, burst, backtest):
    bench.report()
    print()
