"""The fixtures of the retina's own tests."""

from tests.retina_env.conftest import *  # noqa: F403
