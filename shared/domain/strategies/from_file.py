"""A strategy of one's own: one class in one file, named in ``strategies.toml``.

Reading the file is not done here: its text is part of the plan (``StrategyPlan.source``). The text is run as a module
of its own, once in a process, and the class is built for each pair with the plan's parameters. What is wrong with a
file is told as ``Fault``; what happens when its strategy fails on a bar stands in ``strategies.guarded``.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from inspect import Signature, iscoroutinefunction, signature
from types import ModuleType

from shared.domain.plan import Plan, StrategyPlan
from shared.domain.strategies.base import Fault, ParameterError
from shared.domain.strategies.guarded import ANYTHING, GuardedStrategy, line_in, shown, told

FILE = "file"
MOST_WARMUP = 1000  # bars: no more are loaded at a start
MODULES = 256
WRITE_CLASS = "write the class with on_bar(self, bar) and warmup_bars at the top of the file"


def file_faults(plan: StrategyPlan) -> tuple[Fault, ...]:
    """What is wrong with a row of this kind, as far as its text shows without being run."""
    if not plan.file:
        return (Fault("file", plan.file, "name the file of the strategy, such as strategies/mine.py"),)
    if not plan.class_name:
        return (Fault("class_name", plan.class_name, "name the class in the file, such as Mine"),)
    return _text_faults(plan.source, plan.file, plan.class_name)


@lru_cache(maxsize=MODULES)
def _text_faults(source: str, file: str, class_name: str) -> tuple[Fault, ...]:
    try:
        tree = ast.parse(source, file)
    except SyntaxError as error:
        return (Fault("file", file, "correct the line", f"line {error.lineno} is not Python: {error.msg}"),)
    except (ValueError, RecursionError, MemoryError) as error:
        return (Fault("file", file, "write Python source", f"not Python: {error}"),)
    found = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    node = found.get(class_name)
    if node is None:
        known = f"set one of {', '.join(found)}" if found else WRITE_CLASS
        return (Fault("class_name", class_name, known, f"{file} has no class of this name"),)
    names = {name for statement in ast.walk(node) for name in _bound(statement)}
    missing = [name for name in ("on_bar", "warmup_bars") if name not in names]
    if missing and not node.bases:
        return (Fault("class_name", class_name, WRITE_CLASS, f"the class in {file} has no {' and no '.join(missing)}"),)
    return ()


def _bound(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value  # __slots__


def build_from_file(plan: StrategyPlan) -> GuardedStrategy:
    """A fresh strategy for one pair. Raises ``ParameterError``; runs the file when it is the first of it."""
    if faults := file_faults(plan):
        raise ParameterError(plan.name, faults)
    try:
        strategy = _built(_class_of(plan), plan)
        _check_on_bar(strategy, plan)
        return GuardedStrategy(strategy, plan, _warmup_bars(strategy, plan))
    except _Wrong as wrong:
        raise ParameterError(plan.name, (wrong.fault,)) from wrong


class _Wrong(Exception):  # noqa: N818 - it never leaves this file
    def __init__(self, name: str, value: object, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.fault = Fault(name, value, remedy, problem)


def _class_of(plan: StrategyPlan) -> type:
    try:
        module = _module_of(plan.source, plan.file)
    except ANYTHING as error:
        problem = f"it raises when it is loaded: {told(error)}{line_in(plan.file, error)}"
        raise _Wrong("file", plan.file, problem, "correct the file, or install what it imports") from error
    found = getattr(module, plan.class_name, None)
    if not isinstance(found, type):
        problem = f"{plan.file} has no class of this name when it was loaded"
        raise _Wrong("class_name", plan.class_name, problem, "write the class at the top of the file")
    return found


@lru_cache(maxsize=MODULES)
def _module_of(source: str, file: str) -> ModuleType:
    """The module that the text makes; it is known to Python under a name of its own, for dataclasses look there."""
    name = f"heatsink_strategy_{sha256(f'{file}:{source}'.encode()).hexdigest()[:16]}"
    module = ModuleType(name)
    module.__file__ = file
    sys.modules[name] = module
    try:
        exec(compile(source, file, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - what the user asked for
    except BaseException:
        del sys.modules[name]
        raise
    return module


def parameters_of(plan: StrategyPlan) -> Mapping[str, float]:
    """The parameters as the class gets them: whole numbers as ``int``, so that they can count bars."""
    return {name: int(value) if value == value // 1 else value for name, value in plan.parameters.items()}


def _built(kind: type, plan: StrategyPlan) -> object:
    parameters = parameters_of(plan)
    given = ", ".join(f"{name} = {value!r}" for name, value in parameters.items())
    try:
        signature(kind).bind(**parameters)
    except TypeError as error:
        taken = signature(kind).replace(return_annotation=Signature.empty)
        problem = f"class {plan.class_name} of {plan.file} takes {taken}: {error}"
        raise _Wrong("parameters", given, problem, "set the parameters that __init__ takes, each a number") from error
    except ValueError:
        pass  # written in C: what it takes shows when it is called
    try:
        return kind(**parameters)
    except ANYTHING as error:
        problem = f"class {plan.class_name} of {plan.file} raises when it is built: {told(error)}"
        remedy = "set parameters that it can work with, or correct the class"
        raise _Wrong("parameters", given, f"{problem}{line_in(plan.file, error)}", remedy) from error


def _check_on_bar(strategy: object, plan: StrategyPlan) -> None:
    on_bar, where = getattr(strategy, "on_bar", None), f"class {plan.class_name} of {plan.file}"
    if not callable(on_bar):
        raise _Wrong("on_bar", shown(on_bar), f"{where} has no such method", "write def on_bar(self, bar)")
    if iscoroutinefunction(on_bar):
        raise _Wrong("on_bar", "async def", f"{where} cannot be waited for", "write def on_bar(self, bar)")
    try:
        signature(on_bar).bind(None)
    except TypeError as error:
        taken = f"on_bar{signature(on_bar)}"
        raise _Wrong("on_bar", taken, f"{where} does not take one bar", "write def on_bar(self, bar)") from error
    except ValueError:
        pass


def _warmup_bars(strategy: object, plan: StrategyPlan) -> int:
    remedy = f"set self.warmup_bars to the bars that it needs before it answers, 1 to {MOST_WARMUP}"
    where = f"class {plan.class_name} of {plan.file}"
    try:
        bars = getattr(strategy, "warmup_bars", None)
    except ANYTHING as error:
        raise _Wrong("warmup_bars", told(error), f"{where} raises when asked for it", remedy) from error
    if isinstance(bars, bool) or not isinstance(bars, int) or not 1 <= bars <= MOST_WARMUP:
        raise _Wrong("warmup_bars", shown(bars), f"no number of bars, of {where}", remedy)
    return bars


# --- what ran ---------------------------------------------------------------------------------------------------------


def source_digest(plan: StrategyPlan) -> str:
    """A short name for the text of a strategy's file: 12 hex digits; empty for a built-in kind."""
    return sha256(plan.source.encode()).hexdigest()[:12] if plan.kind == FILE else ""


def code_digest(plan: Plan) -> str:
    """SHA-256 of the text of all strategy files of the plan, in hexadecimal; empty when it has none.

    It changes with any of the files, and not with where they stand.
    """
    sources = sorted({sha256(each.source.encode()).hexdigest() for each in plan.strategies if each.kind == FILE})
    return sha256("".join(sources).encode()).hexdigest() if sources else ""
