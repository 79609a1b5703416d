"""Suites of tasks, submissions, their verification by re-running, the store they are kept in, the board and its site."""
