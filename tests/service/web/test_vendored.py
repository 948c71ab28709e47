"""What is vendored is what was vendored, and nothing comes from anywhere else."""

import hashlib
import re
import tomllib
from pathlib import Path

WEB = Path(__file__).resolve().parents[3] / "service" / "web"
VENDOR = WEB / "static" / "vendor"
ADDRESSES = re.compile(r"""(?:src|href|action|hx-get|hx-post)\s*=\s*["']?\s*(?:https?:)?//""")


def test_every_vendored_file_is_listed_with_its_hash_and_licence():
    listed = {entry["path"]: entry for entry in tomllib.loads((WEB / "VENDORED.toml").read_text())["file"]}
    there = {str(path.relative_to(WEB)) for path in VENDOR.rglob("*") if path.is_file()}
    assert set(listed) == there
    for path, entry in listed.items():
        assert hashlib.sha256((WEB / path).read_bytes()).hexdigest() == entry["sha256"]
        assert entry["version"]
        assert entry["licence"]


def test_no_template_or_style_asks_another_host():
    files = [*(WEB / "templates").rglob("*.html"), *(WEB / "static").glob("*.*")]
    assert len(files) > 5
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert not ADDRESSES.search(text), path
        assert "@import" not in text, path
        assert not re.search(r"url\(\s*[\"']?(?:https?:)?//", text), path


def test_templates_hold_no_inline_script_or_style():
    for path in (WEB / "templates").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), path
        assert not re.search(r"<style\b|\sstyle\s*=|\son[a-z]+\s*=\s*[\"']|\|\s*safe\b|javascript:", text), path
