"""Separators against datasets: scores per track, oracles, named aggregations, the report.

`run.benchmark` writes one file of scores per track and separator (`scores`), which `aggregate`
turns into tables; `evaluate` scores what somebody else separated, without any dataset.
"""
