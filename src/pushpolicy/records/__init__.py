"""The record of a decision: its format (design section 8), how it is built and how it is read.

`build_record` makes a NewRecord, whose artifact the attach step attaches; `read_summary` and
`read_record` read what is in a repository.
"""

from pushpolicy.records.build import Contents, NewRecord, RawReports, build_record
from pushpolicy.records.chain import Before, records_before
from pushpolicy.records.checks import check_reports, is_for
from pushpolicy.records.format import ARTIFACT_TYPE
from pushpolicy.records.read import Record, Summary, read_record, read_summary

__all__ = [
    "ARTIFACT_TYPE",
    "Before",
    "Contents",
    "NewRecord",
    "RawReports",
    "Record",
    "Summary",
    "build_record",
    "check_reports",
    "is_for",
    "read_record",
    "read_summary",
    "records_before",
]
