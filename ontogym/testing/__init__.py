"""Checks that whoever writes a rule or an agent can run; each finding is a sentence with what to change."""

from ontogym.testing.agents import assert_agent, check_agent
from ontogym.testing.findings import Finding
from ontogym.testing.rules import assert_rule, check_rule

__all__ = ["Finding", "assert_agent", "assert_rule", "check_agent", "check_rule"]
