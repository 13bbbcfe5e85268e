"""The tests beside libpcap skip, with the reason, where there is none."""

from __future__ import annotations

import pytest

from ebpfc.testing.libpcap import libpcap_reason


@pytest.fixture(autouse=True)
def _libpcap() -> None:
    if reason := libpcap_reason():
        pytest.skip(reason)
