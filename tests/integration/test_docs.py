"""The documents name what the code has. No server is needed."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(os.environ.get("SOCIAL_SOURCE_DIR", Path(__file__).resolve().parents[2]))
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
METHODS = {"get", "put", "post", "delete", "patch"}
PAGES = sorted(path for path in ROOT.rglob("*.md")
               if not {"build", "data", "node_modules", ".git"} & set(path.relative_to(ROOT).parts[:-1]))
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"`[^`\n]*`")


def error_rows() -> list[tuple[str, str]]:
    """(status, code) of every error."""
    return re.findall(r'\{(4\d\d|5\d\d), "([a-z_]+)",', (ROOT / "actors" / "base" / "error.cpp").read_text(encoding="utf-8"))


def test_every_error_code_has_its_row():
    rows = error_rows()
    assert len(rows) > 30, "error.cpp has another form than this test knows"
    shown = re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \|", PROTOCOL, re.MULTILINE)
    assert sorted(shown) == sorted((code, status) for status, code in rows)


def test_every_call_has_its_row():
    contract = yaml.safe_load((ROOT / "http" / "openapi.yaml").read_text(encoding="utf-8"))
    calls = {(method.upper(), path) for path, item in contract["paths"].items() for method in item if method in METHODS}
    assert len(calls) > 10
    assert set(re.findall(r"^\| ([A-Z]+) `(/api/[^`]*)` \|", PROTOCOL, re.MULTILINE)) == calls


def test_every_admin_path_has_its_row():
    source = (ROOT / "http" / "admin" / "admin_handler.cpp").read_text(encoding="utf-8")
    [reports] = re.findall(r"reports\{([^}]*)\}", source)
    paths = set(re.findall(r'path == "(/[a-z]+)"', source)) | {f"/admin/{name}" for name in re.findall(r'"([^"]+)"', reports)}
    assert {"/livez", "/readyz", "/metrics", "/admin/push"} <= paths
    for path in paths | {"/admin/actors?", "/admin/actors/{kind}/{id}"}:
        assert f"| `{path}" in PROTOCOL, path


def test_event_examples_are_the_golden_records():
    """Each event in docs/events.md; one of them with all of its headers."""
    page = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    goldens = sorted((ROOT / "tests" / "golden" / "kafka").glob("*.txt"))
    events = [path.read_text(encoding="utf-8").strip() for path in goldens]
    events = [record for record in events if record.startswith("topic: v1.event.") and "\nce_id: " in record]
    assert len(events) >= 7
    for record in events:
        shown = [line for line in record.splitlines() if line.startswith(("topic: ", "key: ", "ce_subject: ", "value: "))]
        assert record in page or "\n".join(shown) in page, f"not shown as it is: {shown[0]}"
    assert any(record in page for record in events)


def headings(page: Path) -> set[str]:
    """Anchors as GitHub makes them."""
    titles = re.findall(r"^#+ +(.*?) *$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.replace("`", "").lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in LINK.findall(CODE.sub("", FENCE.sub("", page.read_text(encoding="utf-8")))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.is_relative_to(ROOT), f"{target} leads out of the project"
        assert there.exists(), f"{target} leads nowhere"
        if anchor:
            assert anchor in headings(there), f"{target}: no such heading"


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/**/*.md")), ids=lambda page: str(page.relative_to(ROOT)))
def test_named_files_exist(page):
    """`actors/base/error.cpp`, `storage/` and the like in the documents: a moved file moves its name."""
    tops = ("actors", "http", "storage", "config", "tests", "docs")
    for name in re.findall(r"`((?:%s)/[\w./*-]*)`" % "|".join(tops), page.read_text(encoding="utf-8")):
        assert "*" in name and list(ROOT.glob(name)) or (ROOT / name).exists(), f"there is no {name}"


def test_decisions_have_the_usual_form():
    decisions = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert [int(page.name[:4]) for page in decisions] == list(range(1, len(decisions) + 1))
    index = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    for page in decisions:
        found = re.findall(r"^## (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert found == ["Context", "Decision", "Consequences"], page.name
        assert f"({page.name})" in index, f"{page.name} is not in the index"


def test_code_names_documents_that_exist():
    listed = subprocess.run(["grep", "-rhoE", "--include=*.?pp", "--include=*.py", "--include=*.txt", r"docs/[a-z0-9/_-]+\.md",
                             *(str(ROOT / top) for top in ("actors", "http", "storage", "config", "tests", "CMakeLists.txt"))],
                            capture_output=True, text=True, check=True).stdout
    for name in sorted(set(listed.split())):
        assert (ROOT / name).exists(), f"the code names {name}"
