"""Checks that whoever writes a rule or an agent can run; each finding is a sentence with what to change.

`check_rule` (`rules`) puts a rule into random situations (`trial`), looks at what it declares and returns (`structure`) and
at what it does (`behaviour`); `check_agent` (`agents`) lives short lives.

May change: a new promise is a generator of sentences in `behaviour.CHECKS`, or in the table of `check_agent`. Must stay:
what a stranger's code raises is a finding and never ends the check.
"""

from ontogym.testing.agents import assert_agent, check_agent
from ontogym.testing.findings import Finding
from ontogym.testing.rules import assert_rule, check_rule

__all__ = ["Finding", "assert_agent", "assert_rule", "check_agent", "check_rule"]
