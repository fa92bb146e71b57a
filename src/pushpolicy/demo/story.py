"""The story the demo tells, step by step; each fits a screen."""

from __future__ import annotations

from collections.abc import Iterator

from pushpolicy.demo import project
from pushpolicy.demo.passage import Kind, Passage, ran, text, title
from pushpolicy.demo.shell import Shell
from pushpolicy.errors import EXIT_DENIED, EXIT_DIFFERS

_PYTEST = "pytest -q --tb=no -p no:cacheprovider --junitxml=reports/junit.xml"
_BANDIT = "bandit -q --exit-zero -f sarif -o reports/bandit.sarif status.py"
_PUSH = "pushpolicy push oci:image oci:registry:1.0.0"
_CLOSING = """\
In your own pipeline, in a job that has the image and the reports:

  pushpolicy doctor              what it finds here, and what it would use
  pushpolicy check IMAGE TARGET  the decision alone; nothing is pushed
  pushpolicy push IMAGE TARGET   the decision, and on ALLOW the push

IMAGE is what your build wrote (oci:DIR, oci-archive:FILE), TARGET is where it
goes (REGISTRY/REPOSITORY:TAG). Exit code 10 is a denial.

To look around in this demo's project: pushpolicy demo --keep DIR"""


def tell(shell: Shell) -> Iterator[Passage]:
    """Run the story in an empty folder, yielding each passage as soon as it is true.

    Raises:
        UnexpectedExitError: when a command ends otherwise than the story says.
    """
    project.create(shell)
    first = project.prepare(shell, project.FIRST)
    yield title("1/8 A sample application, tested and scanned")
    yield from _first_build(first)
    yield title("2/8 The gate says no")
    yield from _denied(first)
    fixed = project.prepare(first, project.FIXED)
    yield title("3/8 The developer fixes what was named")
    yield from _fixed_build(fixed)
    yield title("4/8 The gate says yes")
    yield from _allowed(fixed)
    yield title("5/8 What was recorded")
    yield from _audited(fixed)
    yield title("6/8 The decision, made again")
    yield from _replayed(fixed)
    yield title("7/8 What if the policy were stricter?")
    yield from _what_if(fixed)
    yield title("8/8 Your turn")
    yield text(_CLOSING)


def _first_build(shell: Shell) -> Iterator[Passage]:
    yield text(
        "A status page in a git repository. The commands run as in a GitHub Actions job\n"
        "for a push to main: the demo sets the variables that such a job has.\n"
    )
    yield from ran(shell, "git log --oneline")
    yield from ran(shell, _PYTEST, code=1)
    yield from ran(shell, _BANDIT)
    yield from ran(shell, "ls reports")
    yield text(
        "\nimage/ is a real container image, built from these files without Docker.\n"
        "trivy-sample.json is a SAMPLE: a vulnerability database does not come with a\n"
        "demo. It was written by hand, and names the true ID of this image.\n"
        "All else is what the commands really write; long digests are shortened."
    )


def _denied(shell: Shell) -> Iterator[Passage]:
    yield text("One command decides, and on ALLOW publishes. It finds the reports by itself.")
    yield from ran(shell, f"{_PUSH} --quiet", code=EXIT_DENIED, rows=16)
    yield text(
        "Exit code 10: denied. What is left out above: the rules that passed, and how to\n"
        "reproduce the decision or ask for a waiver."
    )
    if (shell.folder / "registry").exists():
        raise AssertionError("a denied push wrote to its target")
    yield text("Nothing was written: the target, the folder registry/, does not even exist.")


def _fixed_build(shell: Shell) -> Iterator[Passage]:
    yield from ran(shell, "git show --format= --unified=0 status.py")
    yield from ran(shell, _PYTEST)
    yield from ran(shell, _BANDIT)
    yield text(
        f"\nThe image is built again, with PyYAML {project.FIXED.pyyaml}. It is another image now: the\n"
        "old scan is not about it, so a new (sample) report stands in its place."
    )


def _allowed(shell: Shell) -> Iterator[Passage]:
    yield text(
        "The same command again. Here the registry is a folder, an OCI image layout; in\n"
        "a pipeline it reads, say, registry.example/team/status-page:1.0.0\n"
    )
    yield from ran(shell, _PUSH, rows=16)
    yield text("Exit code 0: allowed, pushed, recorded, verified, and only then tagged.")


def _audited(shell: Shell) -> Iterator[Passage]:
    yield text("Beside the image now lies why it was allowed in. Anyone can look it up:\n")
    yield from ran(shell, "pushpolicy audit list oci:registry", rows=3)
    yield from ran(shell, "pushpolicy audit show oci:registry:1.0.0", rows=15)


def _replayed(shell: Shell) -> Iterator[Passage]:
    yield text(
        "The record holds evidence, policy and time of the decision, so it can be made\n"
        "again, years later and on another machine. Nothing but the record is read:\n"
    )
    yield from ran(shell, "pushpolicy audit replay oci:registry:1.0.0", rows=12)
    yield text("Exit code 0: the same decision.")


def _what_if(shell: Shell) -> Iterator[Passage]:
    yield text(
        "Would a new rule have stopped what was pushed so far? The security team asks\n"
        "before the rule is merged. This is it, in Rego:\n"
    )
    rule = (shell.folder / "next-policy/not_root/not_root.rego").read_text()
    yield Passage(kind=Kind.OUTPUT, text=rule[rule.index("deny contains") :].rstrip().expandtabs(2))
    yield from ran(
        shell,
        "pushpolicy audit replay oci:registry --policy pack --policy next-policy",
        code=EXIT_DIFFERS,
        rows=11,
    )
    yield text("Exit code 50: it would have decided otherwise.")
