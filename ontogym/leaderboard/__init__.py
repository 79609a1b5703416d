"""Submissions, their verification by re-running, and the store they are kept in."""
