"""Tests that the first signal is a flag, and the second has its usual effect."""

import os
import signal

import pytest

from inception_jax.errors import PreemptedError
from inception_jax.runtime.signals import Interrupt


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_interrupt(number):
    """`check` raises after a signal; the handlers are restored in the end."""
    before = signal.signal(number, lambda *_: received.append(number))
    received = []
    try:
        with Interrupt() as interrupt:
            interrupt.check()
            os.kill(os.getpid(), number)
            assert not received
            with pytest.raises(PreemptedError, match=f"stopped by {signal.Signals(number).name}"):
                interrupt.check()
            os.kill(os.getpid(), number)
            assert received == [number]
        os.kill(os.getpid(), number)
        assert received == [number] * 2
    finally:
        signal.signal(number, before)
