"""Reports for people: one self-contained HTML file each, with words before numbers and plots drawn in."""

from ml.reports.page import data_uri, render, write_report

__all__ = ["data_uri", "render", "write_report"]
