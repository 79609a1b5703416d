"""What every test may take for granted."""

import signal


def pytest_configure() -> None:
    """Ctrl-C can be caught: a shell lets what it runs in the background ignore it, and children inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
