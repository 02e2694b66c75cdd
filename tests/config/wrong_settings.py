"""What a configuration that is wrong says of itself."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from shared.config.faults import ConfigError, Fault
from shared.config.load import load_settings


def faults_of(config_dir: Path, environ: Mapping[str, str] | None = None) -> tuple[Fault, ...]:
    with pytest.raises(ConfigError) as caught:
        load_settings(config_dir, environ or {})
    return caught.value.faults


def the_fault(config_dir: Path, environ: Mapping[str, str] | None = None) -> Fault:
    """The only one; it names a remedy."""
    faults = faults_of(config_dir, environ)
    assert len(faults) == 1, "\n".join(map(str, faults))
    assert faults[0].remedy.endswith((".", "?")), faults[0].remedy
    return faults[0]
