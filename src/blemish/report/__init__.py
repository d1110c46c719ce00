"""One self-contained HTML page on a model: what it learned from, what it misses, when it alarms for nothing."""

from blemish.report.page import write_report

__all__ = ["write_report"]
