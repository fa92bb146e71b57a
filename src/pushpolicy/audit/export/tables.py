"""The tables of an export, each defined once: as a view over records.jsonl, and so as a Parquet file.

The dialect is DuckDB's. Everything in them is read from the recorded documents, but for `signature`,
`signed_by`, `anchored` and `remarks`, which are what was found as it was exported. No text from outside is in
any of these statements.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from pushpolicy.audit.export import format as names

VIEWS = "tables.sql"
# DuckDB's own; a line may be longer.
_USUAL_LINE = 16 * 1024 * 1024
_TEXTS = "VARCHAR[]"


class Column(NamedTuple):
    """A column: its name, its type in SQL, how it is computed, and what it says."""

    name: str
    type: str
    sql: str
    about: str

    @property
    def is_beside(self) -> bool:
        """Whether it is of another table, which is joined."""
        return self.sql.startswith("tags.")


class Sizes(NamedTuple):
    """Bytes of the longest line of records.jsonl, and of export.json: DuckDB holds either at once."""

    longest: int
    header: int


class Table(NamedTuple):
    """A table: what a row of it is, its columns, what they are computed from, and what is joined to that.

    Documents are taken apart before rows are multiplied or joined: else each row would carry them whole.
    """

    about: str
    columns: tuple[Column, ...]
    rows: str
    beside: str | None = None

    @property
    def select(self) -> str:
        """Its rows, from the view `pushes`."""
        own = [each for each in self.columns if not each.is_beside]
        casts = ",\n  ".join(f"CAST({each.sql} AS {each.type}) AS {each.name}" for each in own)
        rows = f"SELECT\n  {casts}\nFROM {self.rows}"
        if self.beside is None:
            return rows
        names = ", ".join(
            f"{each.sql} AS {each.name}" if each.is_beside else f"own.{each.name}" for each in self.columns
        )
        return f"SELECT {names} FROM (\n{rows}\n) AS own {self.beside}"  # noqa: S608 - ours


def _text(name: str, path: str, about: str, document: str = "evidence") -> Column:
    return Column(name, "VARCHAR", f"{document} ->> '$.{path}'", about)


def _time(name: str, path: str, about: str, document: str = "decision") -> Column:
    return Column(
        name, "TIMESTAMP", f"timezone('UTC', TRY_CAST({document} ->> '$.{path}' AS TIMESTAMPTZ))", about
    )


def _count(name: str, path: str, about: str, document: str = "decision") -> Column:
    return Column(name, "BIGINT", f"{document} ->> '$.{path}'", about)


def _flag(name: str, path: str, about: str, document: str = "evidence") -> Column:
    return Column(name, "BOOLEAN", f"{document} ->> '$.{path}'", about)


def _found(name: str, type_: str, about: str) -> Column:
    return Column(name, type_, name, about)


def _each(path: str, document: str) -> str:
    """A row for each item of a list in a document."""
    return f"(SELECT {_KEYS}, unnest({document} -> '$.{path}[*]') AS it FROM pushes)"  # noqa: S608 - ours


_WHERE = (
    _found("registry", "VARCHAR", "the registry; `oci` for a layout"),
    _found("repository", "VARCHAR", "the repository, or the folder of a layout"),
)
_WHICH = (
    _found("decided", "TIMESTAMP", "when it was decided, in UTC"),
    _found("registry", "VARCHAR", "the registry it was decided for; `oci` for a layout"),
    _found("repository", "VARCHAR", "the repository, or the folder of a layout"),
    _found("record", "VARCHAR", "the digest of the record"),
    _found("image", "VARCHAR", "the digest of the image"),
)
_PUSHES = """SELECT timezone('UTC', TRY_CAST(decision ->> '$.evaluated_at' AS TIMESTAMPTZ)) AS decided,
  decision ->> '$.image.registry' AS registry, decision ->> '$.image.repository' AS repository, record, image,
  registry || '/' || repository AS source, decision, evidence, checked FROM records AS read"""
_KEYS = "decided, registry, repository, record, image"
_FINDINGS = """(SELECT {keys}, kind, unnest(CASE kind
    WHEN 'violation' THEN decision -> '$.violations[*]'
    WHEN 'warning' THEN decision -> '$.warnings[*]'
    ELSE decision -> '$.waived[*]' END) AS it
  FROM (SELECT {keys}, decision, unnest(['violation', 'warning', 'waived']) AS kind FROM pushes))"""
_SCANNED = """(SELECT {keys}, scan ->> '$.name' AS scan, scan ->> '$.scanner.name' AS scanner,
    scan ->> '$.kind' AS scan_kind, scan ->> '$.platform' AS platform, unnest(scan -> '$.findings[*]') AS it
  FROM (SELECT {keys}, unnest(evidence -> '$.scans.items[*]') AS scan FROM pushes))"""
_NEWEST = """(SELECT registry, repository, tag, newest.image AS image, json_object('seen', newest.seen) AS it
  FROM (SELECT registry, repository, tag, arg_max(moves, seen) AS newest FROM moves GROUP BY ALL)
  WHERE newest.image IS NOT NULL)"""

TABLES = {
    "decisions": Table(
        "a decision, once for each of its tags",
        (
            *_WHICH,
            _found("tag", "VARCHAR", "the tag"),
            Column(
                "tag_now", "VARCHAR", "tags.image", "the image that the tag named when it was exported last"
            ),
            _found("source", "VARCHAR", "the repository that the record was read of"),
            _text("verdict", "verdict", "`ALLOW` or `DENY`", "decision"),
            _flag("observed", "observed", "allowed only since nothing was enforced", "decision"),
            Column(
                "violations",
                "BIGINT",
                "json_array_length(decision, '$.violations')",
                "how many findings denied",
            ),
            Column("warnings", "BIGINT", "json_array_length(decision, '$.warnings')", "how many only warned"),
            Column("waived", "BIGINT", "json_array_length(decision, '$.waived')", "how many were waived"),
            Column(
                "loosened",
                _TEXTS,
                "decision ->> '$.loosened[*]'",
                "what the judged checkout loosened, in words",
            ),
            _text("actor", "ci.actor", "who started the run"),
            _text("provider", "ci.provider", "the CI system"),
            _text("project", "ci.repository", "the repository whose pipeline it was"),
            _text("event", "ci.event", "what started the run"),
            _text("ref", "ci.ref", "what the run was of"),
            _text("commit", "ci.commit", "the commit that the run was of"),
            _text("run_url", "ci.run.url", "the page of the run"),
            _text("job", "ci.job", "the job"),
            _text("credential", "credentials.source", "where the credential of the push came from"),
            _flag("credential_ephemeral", "credentials.ephemeral", "whether it ended within a day"),
            _text("credential_variable", "credentials.variable", "the variable that held it"),
            _text("policy", "policy.digest", "the digest of the policy", "decision"),
            _text("policy_source", "policy.source", "how the policy was named", "decision"),
            _text("opa", "engine.version", "the version of OPA", "decision"),
            Column(
                "sequence",
                "BIGINT",
                "decision -> 'chain' -> tag ->> '$.sequence'",
                "its number among those of the tag",
            ),
            Column(
                "previous",
                "VARCHAR",
                "decision -> 'chain' -> tag ->> '$.previous'",
                "the record of the tag before it",
            ),
            Column(
                "signature", "VARCHAR", "checked ->> '$.signature'", "`verified`, `not checked` or `unsigned`"
            ),
            Column("signed_by", _TEXTS, "checked ->> '$.signed_by[*]'", "the listed keys that vouch for it"),
            _flag("anchored", "anchored", "whether everything that decided is known", "checked"),
            Column("remarks", _TEXTS, "checked ->> '$.remarks[*]'", "what is said beside its verdict"),
        ),
        "(SELECT *, unnest(decision ->> '$.image.tags[*]') AS tag FROM pushes)",
        "LEFT JOIN tags ON own.tag = tags.tag AND own.source = tags.registry || '/' || tags.repository",
    ),
    "rules": Table(
        "what became of a rule in a decision",
        (
            *_WHICH,
            _text("rule", "name", "its name", "it"),
            _text("title", "title", "its title", "it"),
            _text("status", "status", "`passed`, `violated`, `warned`, `waived` or `not_applicable`", "it"),
            _text("because", "because", "why it only warned", "it"),
            _text("reason", "reason", "why it did not apply, or is rolled out", "it"),
            _text("origin", "origin", "`pack`, `local` or `checkout`", "it"),
        ),
        _each("rules", "decision"),
    ),
    "findings": Table(
        "a finding of a rule in a decision",
        (
            *_WHICH,
            _found("kind", "VARCHAR", "`violation`, `warning` or `waived`"),
            _text("rule", "rule", "the rule", "it"),
            _text("id", "id", "what a waiver names", "it"),
            _text("severity", "severity", "of the rule or the finding", "it"),
            _text("msg", "msg", "what was found", "it"),
            _text("fix", "fix", "what to do", "it"),
            Column("place", "JSON", "it -> '$.at'", "where it was found"),
            _text("evidence", "evidence", "the evidence that was absent, where that is the finding", "it"),
            _text("approver", "waiver.approver", "who approved the waiver", "it"),
            _text("waiver_reason", "waiver.reason", "the waiver's reason", "it"),
            _text("ticket", "waiver.ticket", "the waiver's ticket", "it"),
            _time("expires", "waiver.expires", "when the waiver ends", "it"),
        ),
        _FINDINGS.format(keys=_KEYS),
    ),
    "waivers": Table(
        "a waiver of the policy of a decision",
        (
            *_WHICH,
            _text("state", "state", "`used`, `unused`, `pending`, `expiring`, `expired`, ...", "it"),
            _text("why", "reason", "why it is not honoured, or not used", "it"),
            _text("rule", "waiver.rule", "the rule", "it"),
            _text("id", "waiver.id", "the finding", "it"),
            _text("purl", "waiver.purl", "the package", "it"),
            _text("approver", "waiver.approver", "who approved it", "it"),
            _text("reason", "waiver.reason", "its reason", "it"),
            _text("ticket", "waiver.ticket", "its ticket", "it"),
            _time("not_before", "waiver.not_before", "when it begins", "it"),
            _time("expires", "waiver.expires", "when it ends", "it"),
        ),
        _each("waivers", "decision"),
    ),
    "vulnerabilities": Table(
        "what a scan of an image, or of its code, found",
        (
            *_WHICH,
            _found("scan", "VARCHAR", "the name of the scan"),
            _found("scanner", "VARCHAR", "the scanner"),
            _found("scan_kind", "VARCHAR", "`image`, `code`, `config` or `secret`"),
            _found("platform", "VARCHAR", "the platform that was scanned"),
            _text("id", "id", "the flaw", "it"),
            Column("aliases", _TEXTS, "it ->> '$.aliases[*]'", "its other names"),
            _text("severity", "severity", "critical, high, medium, low, negligible or unknown", "it"),
            _text("package", "package", "the package that has it", "it"),
            _text("version", "version", "the version of that package", "it"),
            _text("purl", "purl", "that package as a package URL", "it"),
            _text("fixed_in", "fixed_in", "the versions that mend it", "it"),
            _text("fix_state", "fix_state", "whether a fix exists, as the scanner says", "it"),
            _text("suppressed_by", "suppressed_by", "how the report set it aside", "it"),
        ),
        _SCANNED.format(keys=_KEYS),
    ),
    "packages": Table(
        "a package that an SBOM of an image lists",
        (
            *_WHICH,
            _text("sbom", "sbom", "the name of the SBOM", "it"),
            _text("name", "name", "the name of the package", "it"),
            _text("version", "version", "its version", "it"),
            _text("purl", "purl", "it as a package URL", "it"),
            _text("type", "type", "library, application, operating-system ...", "it"),
            Column("licences", _TEXTS, "it ->> '$.licences[*]'", "the licences that are named for it"),
        ),
        _each("sbom.components", "evidence"),
    ),
    "tests": Table(
        "a test report",
        (
            *_WHICH,
            _text("name", "name", "its name", "it"),
            _text("format", "format", "its format", "it"),
            *(
                _count(each, f"totals.{each}", f"cases: {each}", "it")
                for each in ("total", "passed", "failed", "errors", "skipped", "flaky")
            ),
        ),
        _each("tests.reports", "evidence"),
    ),
    "tags": Table(
        "a tag, and the image that it named when it was exported last",
        (
            *_WHERE,
            _found("tag", "VARCHAR", "the tag"),
            _found("image", "VARCHAR", "the digest of the image"),
            _time("since", "seen", "the export that found it there first", "it"),
        ),
        _NEWEST,
    ),
    "problems": Table(
        "what should have been a record, and was not valid or could not be read",
        (
            *_WHERE,
            _text("record", "digest", "the digest of its manifest", "it"),
            _text("reason", "reason", "what is wrong", "it"),
        ),
        """(SELECT part ->> '$.registry' AS registry, part ->> '$.repository' AS repository,
    unnest(part -> '$.problems[*]') AS it
  FROM (SELECT unnest(parts) AS part FROM header))""",
    ),
}


def views(sizes: Sizes, folder: Path | None = None) -> Iterator[str]:
    """Statements that make every table a view over the files of an export.

    Args:
        sizes: of what is in them.
        folder: where the files are; None where the statements are run in that folder.
    """
    place = folder or Path()
    moves = dict.fromkeys(("registry", "repository", "tag", "image", "seen"), "VARCHAR")
    yield records(place / names.RECORDS, sizes.longest)
    yield _file("moves", place / names.TAGS, moves)
    yield _file("header", place / names.HEADER, {"parts": "JSON[]"}, sizes.header, "auto")
    yield f"CREATE OR REPLACE VIEW pushes AS {_PUSHES};\n"
    # What others are made of comes first.
    for name in ("tags", *(name for name in TABLES if name != "tags")):
        yield f"CREATE OR REPLACE VIEW {name} AS {TABLES[name].select};\n"


def records(file: Path, longest: int) -> str:
    """The view that all others but `tags` and `problems` are made of, over lines of records."""
    texts = dict.fromkeys(("registry", "repository", "record", "image", "policy"), "VARCHAR")
    documents = dict.fromkeys(("checked", "decision", "evidence"), "JSON")
    return _file("records", file, texts | documents, longest)


def _file(
    name: str, file: Path, columns: Mapping[str, str], longest: int = 0, form: str = "newline_delimited"
) -> str:
    said = ", ".join(f"{column}: '{kind}'" for column, kind in columns.items())
    options = f"maximum_object_size = {max(longest + 1, _USUAL_LINE)}, columns = {{{said}}}"
    return (
        f"CREATE OR REPLACE VIEW {name} AS FROM read_json({quoted(file)}, format = '{form}',\n  {options});\n"
    )


def quoted(path: Path) -> str:
    """The name of a file in SQL."""
    return "'" + str(path).replace("'", "''") + "'"
