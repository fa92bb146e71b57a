"""A step of the same job that ran before: its variables, its files, what it does to the checkout."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pushpolicy import errors
from tests.attacks.checkout import ALWAYS, FAILED, OFF, SOON, configured, failing, folder_in_checkout
from tests.attacks.table import Attack, Change, chain, changed, push
from tests.certificates import make_certificates
from tests.fake_registry import fake_registry
from tests.faults.honest import Honest
from tests.keys import entry, key
from tests.policies import rule, write_policy
from tests.unit.gather.checkout import test_changes as hiding
from tests.unit.gather.checkout.test_submodules import LOCAL
from tests.unit.gather.samples import git, make_checkout
from tests.workspace import JUNIT, Ran, Workspace, fail_a_test

DIRTY = "worktree_clean  not met"
FAILS = "tests_passed  not met"
LOOSENED = {"scan_severity": {"max_critical": -1}}
MAY_LOOSEN = push("--repo-may", "*=waive,settings")
# A policy that allows everything: no rule of it ever finds anything.
LOOSE = "../loose"
FOUND = '{"at": {}, "msg": "no"}'
OWN_RULE = ("--policy", "pack", "--policy", "../policy")


def with_files(place: Workspace) -> Workspace:
    """The checkout holds the files that the ways of hiding a change are about."""
    for name, content in list(hiding.FILES.items())[1:]:
        place.write(name, content)
    return place.committed("a.py", hiding.FILES["a.py"])


def hides(name: str, way: Callable[[Path], None], says: str = DIRTY) -> Attack:
    """A file of the checkout is changed, and the repository says otherwise."""

    def strike(place: Workspace) -> None:
        way(place.folder)

    return Attack(name=name, prepare=with_files, strike=strike, says=says)


def signed_by(name: str) -> Change:
    """The pipeline hands over a key in a variable, and its policy lists the key `ci`."""

    def change(place: Workspace) -> Workspace:
        (place.folder.parent / "trust.yaml").write_text(json.dumps({"keys": {"ci": entry()}}))
        return place.with_variables(PUSHPOLICY_SIGNING_KEY=key(name).private_pem().decode())

    return change


def sets(name: str, *, says: str = FAILS, before: Change = fail_a_test, **variables: str) -> Attack:
    """What has to be denied is done, and variables are set that should help it."""

    def strike(place: Workspace) -> Workspace:
        place = changed(place, before)
        return place.with_variables(
            **{key: text.format(place=place.folder) for key, text in variables.items()}
        )

    return Attack(name=name, strike=strike, says=says)


def loose(place: Workspace) -> None:
    """A policy, a configuration and an engine that would allow, beside the checkout; and a test failed."""
    folder = place.folder.parent / "loose"
    write_policy(folder, ALWAYS, enforcement=OFF, waivers=json.dumps({"waivers": [FAILED]}))
    (folder / "config.yaml").write_text(json.dumps({"waivers": [FAILED], "settings": LOOSENED}))
    lying_program(folder / "opa", '{"result": [{"expressions": [{"value": {"allow": true}}]}]}')
    fail_a_test(place)


def lying_program(path: Path, answer: str) -> None:
    """A program that gives one answer to everything, and is glad to be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ntouch {path}.ran\necho '{answer}'\n")
    path.chmod(0o755)


def first_on_path(program: str, folder: str, before: Change) -> Change:
    """A program of that name, first on PATH; it must not even be started."""

    def strike(place: Workspace) -> Workspace:
        place = changed(place, before)
        path = place.folder / folder / program
        lying_program(path, "")
        return place.with_variables(PATH=f"{path.parent}:{place.environ['PATH']}")

    return strike


def was_run(place: Workspace) -> bool:
    """Whether something was published, or a program of the attacker's started."""
    return place.published or any(place.folder.parent.rglob("*.ran"))


def evil(place: Workspace) -> None:
    """A tracked file is another one."""
    place.write("status.py", "print('evil')\n")


def clean_copy(place: Workspace) -> None:
    """A copy of the clean checkout beside it; then a tracked file is another one."""
    shutil.copytree(place.folder, place.folder.parent / "clean", symlinks=True)
    evil(place)


def worktree_elsewhere(place: Workspace) -> None:
    """The repository's configuration says that its work tree is the clean copy."""
    clean_copy(place)
    git(place.folder, "config", "core.worktree", str(place.folder.parent / "clean"))


def repository_above(place: Workspace) -> None:
    """The repository of the checkout is hidden, and a link leads to another one that is clean."""
    clean_copy(place)
    (place.folder / ".git").rename(place.folder.parent / "moved")
    place.write(".git", f"gitdir: {place.folder.parent}/clean/.git\n")


def forged_graph(folder: Path) -> None:
    """A commit-graph says that HEAD has the tree of another commit."""
    hiding.test_a_forged_commit_graph_is_not_read(folder)


def with_submodule(place: Workspace) -> Workspace:
    """The checkout has a submodule, which is checked out."""
    library = make_checkout(place.folder.parent / "library", {"l.py": "l\n"})
    git(place.folder, *LOCAL, "submodule", "add", "-q", str(library), "library")
    return place.committed("README", "with a library")


def in_submodule(*hide: str) -> Change:
    """A file of the submodule is changed; git is told to overlook it."""

    def strike(place: Workspace) -> None:
        if hide:
            git(place.folder / "library", *hide)
        place.write("library/l.py", "evil\n")

    return strike


def without_repository(place: Workspace) -> None:
    """The submodule has no repository of its own, so nothing says what it was."""
    (place.folder / "library/.git").unlink()
    place.write("library/l.py", "evil\n")


def altered(content: dict[str, object]) -> Change:
    """The configuration says something else than what was committed, or there was none."""

    def strike(place: Workspace) -> None:
        place.write("pushpolicy.yaml", json.dumps(content))

    return strike


def hidden_configuration(place: Workspace) -> None:
    """The index says that the configuration is unchanged."""
    git(place.folder, "update-index", "--skip-worktree", "pushpolicy.yaml")
    place.write("pushpolicy.yaml", json.dumps({"waivers": [FAILED]}))


def old_scan(place: Workspace) -> None:
    """The scan is a year old."""
    file = place.folder / "reports/trivy-sample.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "CreatedAt": "2025-01-01T00:00:00Z"}))


def junk(place: Workspace) -> Workspace:
    """The temporary folder is the attacker's, and full of what might be taken up."""
    folder = place.folder.parent / "junk"
    write_policy(folder, ALWAYS, enforcement=OFF)
    for name in ("opa", "git", "evidence.json", "junit.xml", "trivy.json", "sitecustomize.py", ".manifest"):
        lying_program(folder / name, "{}")
    fail_a_test(place)
    return place.with_variables(TMPDIR=str(folder))


def over_tls(place: Workspace) -> Ran:
    """`push` to a registry whose certificate a file of the command line vouches for."""
    folder = place.folder.parent / "tls"
    folder.mkdir()
    certificates = make_certificates(folder)
    registry, target = Honest(), "team/app:1.0.0"
    with fake_registry(registry, certificates) as running:
        options = ("--ca-file", str(certificates.authority), *OWN_RULE)
        ran = place.push(*options, target=f"{running.host}/{target}")
    assert bool(registry.tags) is (ran.code == errors.EXIT_OK)
    return ran


def distrusting(place: Workspace) -> None:
    """A policy denies where a variable says whom to trust."""
    text = rule("r", f'deny contains {FOUND} if input.target.trust.authorities == "variable"')
    write_policy(place.folder.parent / "policy", {"r": text})


def own_authorities(place: Workspace) -> Workspace:
    """A variable names authorities; whoever has their keys can be any registry."""
    folder = place.folder.parent / "own"
    folder.mkdir()
    return place.with_variables(SSL_CERT_FILE=str(make_certificates(folder).authority))


def observes(*more: Callable[[Path], object]) -> Change:
    """A test failed, and the checkout's policy folder observes only: it is made to look like another's."""

    def strike(place: Workspace) -> None:
        observe = f"observe: {{until: '{SOON}', reason: x}}"
        place.write("own-policy/enforcement.yaml", observe)
        for change in more:
            change(place.folder)
        fail_a_test(place)

    return strike


def own_repository(folder: Path) -> None:
    """The policy folder of the checkout has a `.git` of its own."""
    (folder / "own-policy/.git").mkdir()


def own_work_tree(folder: Path) -> None:
    """The folder that pushpolicy runs in has a `.git` of its own."""
    (folder / "app/.git").write_text("gitdir: ../.git\n")


def with_own_policy(place: Workspace) -> Workspace:
    """The checkout has a policy folder, and a folder for the application."""
    place.path("app/here")
    return changed(place, folder_in_checkout(ALWAYS))


def push_from_app(place: Workspace) -> Ran:
    """Push from a folder of the checkout, with the checkout's policy folder."""
    below = replace(place, folder=place.folder / "app")
    options = ["--policy", "pack", "--policy", "../own-policy"]
    for report in ("junit.xml", "trivy-sample.json"):
        options += ["--evidence", f"../reports/{report}"]
    return below.push(*options, image="oci:../image", target="oci:../registry:1.0.0")


def folder_led_elsewhere(place: Workspace) -> None:
    """A later step's reports are written through a link; a folder beside it says that all is well."""
    shutil.copytree(place.folder / "reports", place.folder / "test-results")
    fail_a_test(place)
    (place.folder / "reports").rename(place.folder.parent / "hidden")
    (place.folder / "reports").symlink_to(place.folder.parent / "hidden")


def file_led_elsewhere(place: Workspace) -> None:
    """A later step's report, whose name promises nothing, is written through a link."""
    fail_a_test(place)
    (place.folder / "reports/junit.xml").rename(place.folder.parent / "hidden")
    (place.folder / "reports/unit.xml").symlink_to(place.folder.parent / "hidden")
    place.write("reports/junit.xml", JUNIT)


def circle(place: Workspace) -> None:
    """A link that leads to itself stands where a scanner's report belongs."""
    (place.folder / "trivy.json").symlink_to("trivy.json")


def piped(name: str) -> Change:
    """A named pipe stands where git reads a file, and a tracked file was changed."""

    def strike(place: Workspace) -> None:
        place.write("status.py", "changed = True\n")
        path = place.path(f".git/{name}")
        path.unlink(missing_ok=True)
        os.mkfifo(path)

    return strike


def report_over(path: str) -> Change:
    """A variable has the report written over a file."""
    return lambda place: place.with_variables(PUSHPOLICY_FORMAT=f"json={path}")


OWN_POLICY = push("--policy", "pack", "--policy", "own-policy")
THEIRS_ALONE = "the checkout's own rules alone"
HIDDEN = [
    hides(f"hides a change: {way.__name__.replace('_', ' ')}", way)
    for way in hiding.WAYS
    if way is not hiding.committed_ident
]
FORGED = [
    hides(f"forges an object: {way.__name__.replace('_', ' ')}", way, says="forged or damaged")
    for way in (hiding.forged_subtree, hiding.forged_tree, hiding.forged_commit, hiding.tree_that_is_a_blob)
]
ROWS = [
    *HIDDEN,
    *FORGED,
    hides("forges the commit-graph", forged_graph),
    *(
        Attack(
            name=f"has the report written over {path}",
            strike=report_over(path),
            code=errors.EXIT_USAGE,
            says=f"{path} is there already, and a variable replaces no file",
        )
        for path in (".git/config", "image/index.json", "reports/junit.xml", "status.py")
    ),
    Attack(
        name="says that the work tree is elsewhere",
        strike=worktree_elsewhere,
        says="the repository's work tree is another",
    ),
    *(
        Attack(name=f"has git wait for {name}", strike=piped(name), says=f".git/{name}: it is not a regular")
        for name in ("HEAD", "config", "packed-refs", "refs/tags/x", "objects/info/alternates")
    ),
    Attack(
        name="leads the folder of reports elsewhere",
        strike=folder_led_elsewhere,
        says="no evidence of kind tests: reports: it is a link to a folder, which is not followed",
    ),
    Attack(
        name="leads a report elsewhere, under a name that promises nothing",
        strike=file_led_elsewhere,
        says="no evidence of kind tests: reports/unit.xml: it is a symbolic link, which is not followed",
    ),
    Attack(
        name="leaves a link to itself where a report belongs",
        strike=circle,
        says="no evidence of kind scans: trivy.json: it is a symbolic link, which is not followed",
    ),
    Attack(name="puts another repository in the place of this one", strike=repository_above, says=DIRTY),
    Attack(name="changes a file of a submodule", prepare=with_submodule, strike=in_submodule(), says=DIRTY),
    Attack(
        name="changes a file of a submodule, which is assumed unchanged",
        prepare=with_submodule,
        strike=in_submodule("update-index", "--assume-unchanged", "l.py"),
        says=DIRTY,
    ),
    Attack(
        name="takes the repository of a submodule away",
        prepare=with_submodule,
        strike=without_repository,
        says=DIRTY,
    ),
    sets("names another repository", before=clean_copy, says=DIRTY, GIT_DIR="{place}/../clean/.git"),
    sets("names another work tree", before=clean_copy, says=DIRTY, GIT_WORK_TREE="{place}/../clean"),
    sets("names another index", before=clean_copy, says=DIRTY, GIT_INDEX_FILE="{place}/../clean/.git/index"),
    sets(
        "configures git by variables",
        before=clean_copy,
        says=DIRTY,
        GIT_CONFIG_COUNT="1",
        GIT_CONFIG_KEY_0="core.worktree",
        GIT_CONFIG_VALUE_0="{place}/../clean",
    ),
    Attack(
        name="puts a git first on PATH",
        strike=first_on_path("git", "../bin", evil),
        says=DIRTY,
        writes=was_run,
    ),
    Attack(
        name="puts a git into the repository, first on PATH",
        strike=first_on_path("git", "bin", evil),
        says=DIRTY,
        writes=was_run,
    ),
    Attack(
        name="puts an opa first on PATH",
        strike=first_on_path("opa", "../bin", fail_a_test),
        says=FAILS,
        writes=was_run,
    ),
    Attack(
        name="leaves a configuration that loosens a setting, though the checkout may",
        strike=altered({"settings": LOOSENED}),
        run=MAY_LOOSEN,
        code=errors.EXIT_POLICY,
        says="git does not track pushpolicy.yaml",
    ),
    Attack(
        name="leaves a configuration that waives, though the checkout may",
        strike=chain(altered({"waivers": [FAILED]}), fail_a_test),
        run=MAY_LOOSEN,
        says="git does not track pushpolicy.yaml",
    ),
    Attack(
        name="adds a setting to the committed configuration, though the checkout may",
        prepare=configured(evidence={"tests": ["junit"]}),
        strike=altered({"settings": LOOSENED}),
        run=MAY_LOOSEN,
        code=errors.EXIT_POLICY,
        says="pushpolicy.yaml is not as HEAD has it",
    ),
    Attack(
        name="adds a waiver to the committed configuration, though the checkout may",
        prepare=configured(evidence={"tests": ["junit"]}),
        strike=chain(altered({"waivers": [FAILED]}), fail_a_test),
        run=MAY_LOOSEN,
        says="pushpolicy.yaml is not as HEAD has it",
    ),
    Attack(
        name="hides what it changed of the configuration, though the checkout may waive",
        prepare=configured(evidence={"tests": ["junit"]}),
        strike=chain(hidden_configuration, fail_a_test),
        run=MAY_LOOSEN,
        says="pushpolicy.yaml is not as HEAD has it",
    ),
    *(
        Attack(
            name=f"passes the checkout's policy folder for another repository, {how}",
            prepare=with_own_policy,
            strike=observes(own_repository, *more),
            run=OWN_POLICY,
            code=errors.EXIT_POLICY,
            says=THEIRS_ALONE,
        )
        for how, more in {
            "of which git knows better": (),
            "and breaks the one that knows better": (lambda folder: (folder / ".git/HEAD").unlink(),),
            "and takes the one away that knows better": (
                lambda folder: (folder / ".git").rename(folder.parent / "moved"),
            ),
        }.items()
    ),
    Attack(
        name="passes the folder of the application for the whole checkout",
        prepare=with_own_policy,
        strike=observes(own_work_tree),
        run=push_from_app,
        code=errors.EXIT_POLICY,
        says=THEIRS_ALONE,
    ),
    sets("names a policy", before=loose, PUSHPOLICY_POLICY=LOOSE, PUSHPOLICY_POLICIES=LOOSE),
    sets("names a configuration", before=loose, PUSHPOLICY_CONFIG=f"{LOOSE}/config.yaml"),
    sets("names an engine", before=loose, PUSHPOLICY_ENGINE=f"{LOOSE}/opa", PUSHPOLICY_OPA=f"{LOOSE}/opa"),
    sets("names data of OPA", before=loose, OPA_EVAL_DATA=LOOSE, OPA_EVAL_BUNDLE=LOOSE),
    sets("names a trust file", before=loose, PUSHPOLICY_TRUST=f"{LOOSE}/trust.yaml"),
    sets("names waivers", before=loose, PUSHPOLICY_WAIVERS=f"{LOOSE}/waivers.yaml"),
    sets(
        "says what the checkout may",
        before=failing(configured(waivers=[FAILED])),
        says="waiver refused",
        PUSHPOLICY_REPO_MAY="*=waive",
        PUSHPOLICY_PUSH_REPO_MAY="*=waive",
    ),
    sets("asks for the completion of a command", _PUSHPOLICY_COMPLETE="bash_complete"),
    sets("says that it is a dry run", PUSHPOLICY_DRY_RUN="1", PUSHPOLICY_PUSH_DRY_RUN="1"),
    sets(
        "names a time",
        before=old_scan,
        says="scan_fresh  not met",
        SOURCE_DATE_EPOCH="1735689600",
        PUSHPOLICY_AT="2025-01-01T00:00:00Z",
        PUSHPOLICY_NOW="2025-01-01T00:00:00Z",
        FAKETIME="@2025-01-01",
    ),
    sets("names a git", before=loose, PUSHPOLICY_GIT=f"{LOOSE}/opa", GIT_EXEC_PATH=LOOSE),
    Attack(
        name="names authorities of its own, where a rule denies that",
        prepare=distrusting,
        strike=own_authorities,
        run=over_tls,
        says="r  not met",
    ),
    Attack(name="owns the temporary folder", strike=junk, says=FAILS),
    Attack(
        name="signs with a key of its own",
        prepare=signed_by("ci"),
        strike=signed_by("other"),
        run=push("--policy", "pack", "--trust", "../trust.yaml"),
        code=errors.EXIT_USAGE,
        says="is none that the trust file lists for decisions: ci",
    ),
    sets(
        "names an event that anybody can cause",
        before=lambda _: None,
        says="event_allowed  not met",
        GITHUB_EVENT_NAME="workflow_run",
    ),
    sets(
        "names a commit that is not checked out",
        before=lambda _: None,
        says="no evidence of kind ci: commit: GITHUB_SHA says",
        GITHUB_SHA="1" * 40,
    ),
    sets(
        "names a pull request, and no file tells where it comes from",
        before=lambda _: None,
        says="no evidence of kind ci: the event file does not tell where the pull request comes from",
        GITHUB_EVENT_NAME="pull_request",
    ),
    sets(
        "names no commit but a branch",
        before=lambda _: None,
        says="no evidence of kind ci: GITHUB_SHA: the commit that the CI system names is not a full hash",
        GITHUB_SHA="main",
    ),
    sets(
        "takes the CI system's mark away",
        before=lambda _: None,
        says="no evidence of kind ci: the environment is that of no known CI system",
        GITHUB_ACTIONS="",
    ),
]
