"""Bounds on what is read of a report, and on what a run may need until it has decided."""

from __future__ import annotations

import msgspec

MIB = 1024 * 1024


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds on what is read; beyond one, the kind of evidence has failed.

    Attributes:
        max_report_size: bytes of one report.
        max_extra_size: bytes of one `extra` file, which becomes part of the evidence document.
        max_files: files looked at in the usual places.
        max_findings: findings of one scan.
        max_cases: test cases of one report.
        max_components: components of all SBOMs; beyond it they are counted, and not listed.
        max_depth: nesting of XML elements, of `extra` values, and of folders in the usual places.
        max_text: characters of one string that must not be cut: an id, a version, a package.
        max_token: bytes of one XML tag with its attributes, comment or instruction.
        max_searched: bytes of tracked files that are searched for the credential.
        max_unpacked_ratio: bytes that one byte of a compressed report may unpack to; up to 1 MiB is free.
        max_seconds: for reading one report.
        max_run_seconds: for gathering and deciding, all together; in audit, for all records together.
        max_record_seconds: for reading a record, in a push; in audit, for deciding about it again, too.
        max_records: of one repository, in audit; what is over it is told as `incomplete`.
        max_stall_seconds: without a byte to or from a registry, in everything that is asked of one.
        max_image_size: bytes of an archive or a layer, as it comes out of a stream or a compression; and of
            all that is kept of the images on disk, together.
        max_disk: bytes on disk of all other temporary files together.
        max_memory: resident bytes of all processes of a run until it has decided; two thirds of it is
            what reading reports may need.
    """

    max_report_size: int = 512 * MIB
    max_extra_size: int = 8 * MIB
    max_files: int = 5_000
    max_findings: int = 100_000
    max_cases: int = 5_000_000
    max_components: int = 20_000
    max_depth: int = 64
    max_text: int = 16_384
    max_token: int = 8 * MIB
    max_searched: int = 2048 * MIB
    max_unpacked_ratio: int = 200
    max_seconds: int = 300
    max_run_seconds: int = 600
    max_record_seconds: int = 60
    max_records: int = 100_000
    max_stall_seconds: int = 60
    max_image_size: int = 64 * 1024 * MIB
    max_disk: int = 2048 * MIB
    max_memory: int = 1536 * MIB
